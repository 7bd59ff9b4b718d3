// JSON as text. A value goes from the API into the editor and back without
// ever becoming a JavaScript number, so no digit of it is lost.

export interface Slip {
  message: string;
  line: number;
  column: number;
  offset: number;
}

const whitespace = /[ \t\r\n]*/y;
const stringToken = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalarToken = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;
const maxDepth = 64; // what the API takes

class Failure extends Error {
  constructor(message: string, readonly offset: number) {
    super(message);
  }
}

/** Pretty writes JSON text (RFC 8259) anew, its scalars letter for letter. */
class Pretty {
  #at = 0;

  constructor(readonly text: string, readonly indent: string) {}

  run(): string {
    const out = this.#value(0);
    this.#skip();
    if (this.#at < this.text.length) throw new Failure('There is something after the end of the value.', this.#at);
    return out;
  }

  #skip() {
    whitespace.lastIndex = this.#at;
    whitespace.test(this.text);
    this.#at = whitespace.lastIndex;
  }

  #token(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const m = pattern.exec(this.text);
    if (m) this.#at = pattern.lastIndex;
    return m?.[0];
  }

  #take(char: string): boolean {
    this.#skip();
    if (this.text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): string {
    this.#skip();
    const char = this.text[this.#at];
    if (depth > maxDepth) throw new Failure(`Nested more than ${maxDepth} levels deep.`, this.#at);
    if (char === '{') return this.#list('}', depth, (seen) => this.#member(depth, seen));
    if (char === '[') return this.#list(']', depth, () => this.#value(depth + 1));
    const scalar = char === '"' ? this.#string() : this.#token(scalarToken);
    if (scalar === undefined) throw this.#unexpected('a value');
    return scalar;
  }

  #string(): string {
    const s = this.#token(stringToken);
    if (s === undefined) throw new Failure('This text does not end, or holds a character that must be escaped.', this.#at);
    return s;
  }

  #member(depth: number, seen: Set<string>): string {
    this.#skip();
    if (this.text[this.#at] !== '"') throw this.#unexpected('a name in double quotes');
    const start = this.#at;
    const name = this.#string();
    if (seen.has(JSON.parse(name))) throw new Failure(`The name ${name} is there twice.`, start);
    seen.add(JSON.parse(name));
    if (!this.#take(':')) throw this.#unexpected('a colon');
    return `${name}:${this.indent && ' '}${this.#value(depth + 1)}`;
  }

  #list(end: string, depth: number, item: (seen: Set<string>) => string): string {
    const begin = this.text[this.#at++];
    if (this.#take(end)) return begin + end;
    const seen = new Set<string>();
    const items: string[] = [];
    do items.push(item(seen));
    while (this.#take(','));
    if (!this.#take(end)) throw this.#unexpected(`a comma or ${end}`);
    if (!this.indent) return begin + items.join(',') + end;
    const inner = '\n' + this.indent.repeat(depth + 1);
    return begin + inner + items.join(',' + inner) + '\n' + this.indent.repeat(depth) + end;
  }

  #unexpected(wanted: string): Failure {
    const found = this.text[this.#at];
    return new Failure(`Expected ${wanted}, found ${found === undefined ? 'the end' : found}.`, this.#at);
  }
}

/** check returns the first mistake in the text, or undefined. */
export function check(text: string): Slip | undefined {
  try {
    new Pretty(text, '').run();
    return undefined;
  } catch (err) {
    if (!(err instanceof Failure)) throw err;
    const before = text.slice(0, err.offset).split('\n');
    return { message: err.message, line: before.length, column: before.at(-1)!.length + 1, offset: err.offset };
  }
}

/** pretty indents JSON text; text that is none is returned as it is. */
export function pretty(text: string): string {
  return check(text) ? text : new Pretty(text, '  ').run();
}
