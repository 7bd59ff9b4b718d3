package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

func setupPut(a *app, flags *flag.FlagSet) func(context.Context, []string) error {
	var f filesFlags
	f.define(flags)
	replace := flags.Bool("replace", false, "replace the bytes of files that are there")
	recursive := flags.Bool("r", false, "take folders with all that is in them")
	return func(ctx context.Context, args []string) error {
		if len(args) < 2 {
			return usagef("it needs files, then BUCKET or BUCKET/PATH")
		}
		last := len(args) - 1
		to, err := f.place(args[last])
		if err != nil {
			return err
		}
		jobs, err := planPut(args[:last], to, *recursive)
		if err != nil {
			return err
		}
		store, err := f.open(ctx, a, true)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err = a.upload(ctx, store, j, *replace); err != nil {
				err = fmt.Errorf("%s: %w", j.file, err)
				break
			}
		}
		return errors.Join(err, store.close())
	}
}

// job is one file to copy.
type job struct {
	file string // "-" is standard input or output
	at   place
}

// planPut finds the place of every file: the one that is named, or, when
// that is a bucket, ends in "/" or several files go there, their own names
// under it.
func planPut(sources []string, to place, recursive bool) ([]job, error) {
	into := len(sources) > 1 || to.path == "" || strings.HasSuffix(to.path, "/")
	folder := strings.TrimRight(to.path, "/")
	var jobs []job
	for _, src := range sources {
		at := to
		if into {
			abs, err := filepath.Abs(src) // "." has a name too
			if err != nil {
				return nil, err
			}
			at.path = path.Join(folder, filepath.Base(abs))
		}
		if src == "-" {
			if into {
				return nil, usagef("standard input needs a path to go to")
			}
			jobs = append(jobs, job{src, at})
			continue
		}
		more, err := planTree(src, at, recursive)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, more...)
	}
	return jobs, nil
}

// planTree lists the regular files under src, or src itself.
func planTree(src string, at place, recursive bool) ([]job, error) {
	var jobs []job
	root := at.path
	err := filepath.WalkDir(src, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && !recursive {
			return usagef("%s is a folder; use -r", file)
		}
		info, err := os.Stat(file) // through links, to files only
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(src, file)
		at.path = path.Join(root, filepath.ToSlash(rel))
		jobs = append(jobs, job{file, at})
		return err
	})
	return jobs, err
}

func (a *app) upload(ctx context.Context, store files, j job, replace bool) error {
	opts := putOptions{size: -1, replace: replace}
	in := a.stdin
	if j.file != "-" {
		f, err := os.Open(j.file)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		in, opts.size = f, info.Size()
	}
	bar := newProgress(a.stderr, j.at.path, opts.size)
	hash := sha256.New()
	sum, err := store.put(ctx, j.at, io.TeeReader(bar.reader(in), hash), opts)
	bar.end()
	if err != nil {
		return err
	}
	if sent := hex.EncodeToString(hash.Sum(nil)); sum != sent {
		return fmt.Errorf("%s were sent, and %s is what was stored", sent, sum)
	}
	fmt.Fprintf(a.stdout, "%s  %s/%s\n", sum, j.at.bucket, j.at.path)
	return nil
}

func setupGet(a *app, flags *flag.FlagSet) func(context.Context, []string) error {
	var f filesFlags
	f.define(flags)
	recursive := flags.Bool("r", false, "get all files under BUCKET/PREFIX/, into the folder FILE")
	return func(ctx context.Context, args []string) error {
		if len(args) < 1 || len(args) > 2 {
			return usagef("it needs BUCKET/PATH and, at most, the file to write")
		}
		from, err := f.place(args[0])
		if err != nil {
			return err
		}
		if from.path == "" && !*recursive {
			return usagef("%q names no file; use -r for all that is in the bucket", args[0])
		}
		to := "."
		if len(args) == 2 {
			to = args[1]
		}
		store, err := f.open(ctx, a, false)
		if err != nil {
			return err
		}
		if *recursive {
			err = a.downloadTree(ctx, store, from, to)
		} else {
			err = a.download(ctx, store, job{intoFolder(to, from.path), from})
		}
		return errors.Join(err, store.close())
	}
}

// intoFolder returns the file to write: to, or a file in it where to is a folder.
func intoFolder(to, name string) string {
	if to == "-" {
		return to
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		return filepath.Join(to, path.Base(name))
	}
	return to
}

func (a *app) downloadTree(ctx context.Context, store files, from place, to string) error {
	from.path = strings.TrimRight(from.path, "/")
	if from.path != "" {
		from.path += "/"
	}
	n := 0
	for it, err := range store.list(ctx, from, true) {
		if err != nil {
			return err
		}
		name, err := filepath.Localize(strings.TrimPrefix(it.name, from.path))
		if err != nil {
			return fmt.Errorf("%q cannot be the name of a file here", it.name)
		}
		file := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return err
		}
		at := from
		at.path = it.name
		if err := a.download(ctx, store, job{file, at}); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("there is nothing under %s/%s", from.bucket, from.path)
	}
	return nil
}

// download writes a file that is whole, checked against its SHA-256, or none.
func (a *app) download(ctx context.Context, store files, j job) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s/%s: %w", j.at.bucket, j.at.path, err)
		}
	}()
	d, err := store.get(ctx, j.at)
	if err != nil {
		return err
	}
	defer d.Close()
	if j.file == "-" {
		return a.receive(d, j.at.path, a.stdout)
	}
	f, err := os.CreateTemp(filepath.Dir(j.file), ".holdall-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	if err := errors.Join(a.receive(d, j.at.path, f), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), j.file); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s  %s\n", d.sum, j.file)
	return nil
}

func (a *app) receive(d *download, name string, w io.Writer) error {
	bar := newProgress(a.stderr, name, d.size)
	defer bar.end()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, hash), bar.reader(d)); err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != d.sum {
		return fmt.Errorf("the SHA-256 of what came is %s, not %s", sum, d.sum)
	}
	return nil
}
