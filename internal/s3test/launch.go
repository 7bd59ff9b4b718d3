package s3test

// Launch starts a server outside of Go's tests. The caller runs stop.
func Launch(k *Kind) (s *Server, stop func(), err error) {
	if s, err = newServer(k); err != nil {
		return nil, nil, err
	}
	return s, s.stop, nil
}
