import { invalid } from "./errors.js";

/**
 * JSON text that is sent as it is written, so that a number keeps every digit: `new JsonText("9007199254740993")`.
 * It stands wherever a whole value does. The constructor throws a SyntaxError when the text is not JSON.
 */
export class JsonText {
  /** The text. */
  readonly text: string;

  constructor(text: string) {
    JSON.parse(text);
    this.text = text;
  }
}

/** Writes a value as JSON. */
export function stringify(value: unknown): string {
  const text = value instanceof JsonText ? value.text : (JSON.stringify(value) as string | undefined);
  if (text === undefined) throw invalid("invalid_json", "undefined, functions and symbols are not JSON values");
  return text;
}

/** Writes an object whose member `value` may be a {@link JsonText}. */
export function stringifyWithValue(members: { value?: unknown; [name: string]: unknown }): string {
  const { value, ...rest } = members;
  if (value === undefined) return JSON.stringify(rest);
  const others = JSON.stringify(rest).slice(1, -1);
  return `{"value":${stringify(value)}${others && `,${others}`}}`;
}

/**
 * Parses JSON like `JSON.parse`, and throws a RangeError when it holds a number that a double cannot: one that would
 * silently become another. Give it as `parse` to the calls of records.
 */
export function parseExact(text: string): unknown {
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g)) {
    if (!token.startsWith('"') && decimal(token) !== decimal(String(Number(token)))) {
      throw new RangeError(`${token} does not fit into a JavaScript number`);
    }
  }
  return JSON.parse(text);
}

/** Writes a decimal number in one way only: its digits without zeros at the ends, and the power of ten. */
function decimal(number: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(number);
  if (!parts) return number; // Infinity
  const [, sign, whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** Turns the values of the records in an answer into JSON strings of their text: `{"value":1.50}` becomes `{"value":"1.50"}`. */
export function quoteValues(text: string): string {
  const strings = /"(?:[^"\\]|\\.)*"/g;
  const out: string[] = [];
  let copied = 0;
  for (let match = strings.exec(text); match !== null; match = strings.exec(text)) {
    if (match[0] !== '"value"') continue;
    const colon = /\s*:\s*/y;
    colon.lastIndex = strings.lastIndex;
    if (!colon.test(text)) continue; // a key or name that is "value", not the member
    const start = colon.lastIndex;
    const end = endOfValue(text, start);
    out.push(text.slice(copied, start), JSON.stringify(text.slice(start, end)));
    strings.lastIndex = copied = end;
  }
  return out.join("") + text.slice(copied);
}

/** Finds where the JSON value at start ends. */
function endOfValue(text: string, start: number): number {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]|[^\s"{}[\],:]+/g;
  token.lastIndex = start;
  let level = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    if (found === "{" || found === "[") level++;
    else if (found === "}" || found === "]") level--;
    if (level === 0) return token.lastIndex;
  }
  return text.length;
}
