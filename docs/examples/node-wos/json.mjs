// JSON without loss: an object becomes a Map, a number a Decimal that keeps its digits.
// Nothing here recurses while it reads, so a body nested a hundred thousand times is a body like any other.

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const TOKEN = /[[\]{}:,]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s[\]{}:,"]+/g;
const LITERALS = { true: true, false: false, null: null };
const YAML_UNPRINTABLE = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g;

export class Decimal {
  constructor(text) {
    const [, minus, whole, fraction = "", exponent = "0"] = NUMBER.exec(text);
    const digits = (whole + fraction).replace(/^0+/, "");
    this.text = text;
    this.digits = digits.replace(/0+$/, "");
    this.scale = Number(exponent) - fraction.length + digits.length - this.digits.length;
    this.sign = this.digits === "" ? 0 : minus ? -1 : 1;
  }

  isInteger() {
    return this.sign === 0 || this.scale >= 0;
  }

  compare(other) {
    if (this.sign !== other.sign || this.sign === 0) return this.sign - other.sign;
    const magnitudes = this.digits.length + this.scale - (other.digits.length + other.scale);
    if (magnitudes !== 0) return this.sign * magnitudes;
    if (this.digits === other.digits) return 0;
    return this.digits > other.digits ? this.sign : -this.sign;
  }

  toBigInt() {
    return BigInt(this.sign) * BigInt((this.digits || "0") + "0".repeat(this.sign && this.scale));
  }
}

export function parse(text) {
  JSON.parse(text);
  const outer = [];
  let top = [];
  let key;
  let keyComesNext = false;
  const root = top;
  const add = (value) => (top instanceof Map ? top.set(key, value) : top.push(value));
  const enter = (container) => {
    add(container);
    outer.push(top);
    top = container;
    keyComesNext = container instanceof Map;
  };
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{") enter(new Map());
    else if (token === "[") enter([]);
    else if (token === "}" || token === "]") top = outer.pop();
    else if (token === ",") keyComesNext = top instanceof Map;
    else if (token === ":") keyComesNext = false;
    else if (token[0] !== '"') add(token in LITERALS ? LITERALS[token] : new Decimal(token));
    else if (keyComesNext) key = JSON.parse(token);
    else add(JSON.parse(token));
  }
  return root[0];
}

// What it writes is JSON and, to a reader of YAML, one document in flow style with every text between quotes.
export function write(value) {
  if (value instanceof Decimal) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (value instanceof Map) return `{${[...value].map(([k, v]) => `${write(k)}:${write(v)}`).join(",")}}`;
  return JSON.stringify(value).replace(YAML_UNPRINTABLE, escapeUnit);
}

function escapeUnit(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

// Bytes -> value; throws when they are not JSON in UTF-8.
export function parseBytes(bytes) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  return { text, value: parse(text) };
}
