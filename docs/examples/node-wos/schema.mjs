// The part of JSON Schema 2020-12 that the schemas of the interface use, over values of json.mjs.
// A fault is { field, message }: a JSON pointer and what is wrong there.

import { readFileSync } from "node:fs";
import { Decimal, parse } from "./json.mjs";

const loaded = new Map();

export function faultsOf(schemaName, value) {
  return faults(load(`${schemaName}.schema.json`), value, "", undefined);
}

function load(file) {
  if (!loaded.has(file)) loaded.set(file, parse(readFileSync(new URL(`schemas/${file}`, import.meta.url), "utf8")));
  return loaded.get(file);
}

function faults(schema, value, field, root = schema) {
  return [...schema].flatMap(([keyword, argument]) =>
    keyword in KEYWORDS ? KEYWORDS[keyword](argument, value, field, root, schema) : []);
}

const fault = (field, message) => [{ field, message }];
const unless = (condition, field, message) => (condition ? [] : fault(field, message));
const holds = (schema, value, root) => faults(schema, value, "", root).length === 0;
const isMember = (list, value) => list.some((item) => item === value);
const below = (field, name) => `${field}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;

function typeOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Map) return "object";
  return value instanceof Decimal ? "number" : typeof value;
}

function hasType(name, value) {
  return name === "integer" ? value instanceof Decimal && value.isInteger() : typeOf(value) === name;
}

function resolve(reference, root) {
  if (!reference.startsWith("#")) return { schema: load(reference) };
  const schema = reference.split("/").slice(1).reduce((place, name) => place.get(name), root);
  return { schema, root };
}

function unnamedMembers(schema, value) {
  const patterns = [...(schema.get("patternProperties")?.keys() ?? [])].map((source) => new RegExp(source, "u"));
  return [...value.keys()].filter((name) =>
    !schema.get("properties")?.has(name) && !patterns.some((pattern) => pattern.test(name)));
}

const forObjects = (rule) => (argument, value, ...rest) => (value instanceof Map ? rule(argument, value, ...rest) : []);
const forLists = (rule) => (argument, value, ...rest) => (Array.isArray(value) ? rule(argument, value, ...rest) : []);
const forTexts = (rule) => (argument, value, ...rest) => (typeof value === "string" ? rule(argument, value, ...rest) : []);
const forNumbers = (fits, words) => (argument, value, field) =>
  value instanceof Decimal ? unless(fits(value.compare(argument)), field, `${words} ${argument.text}`) : [];

const KEYWORDS = {
  $ref(reference, value, field, root) {
    const target = resolve(reference, root);
    return faults(target.schema, value, field, target.root);
  },
  type: (names, value, field) =>
    unless([names].flat().some((name) => hasType(name, value)), field, `is no ${[names].flat().join(" or ")}`),
  enum: (values, value, field) => unless(isMember(values, value), field, `is none of ${values.join(", ")}`),
  const: (wanted, value, field) => unless(wanted === value, field, `is not ${wanted}`),
  pattern: forTexts((source, value, field) => unless(new RegExp(source, "u").test(value), field, "does not have the form")),
  minLength: forTexts((least, value, field) => unless([...value].length >= Number(least.text), field, "is too short")),
  maxLength: forTexts((most, value, field) => unless([...value].length <= Number(most.text), field, "is too long")),
  minimum: forNumbers((order) => order >= 0, "is below"),
  maximum: forNumbers((order) => order <= 0, "is above"),
  exclusiveMinimum: forNumbers((order) => order > 0, "is not above"),
  required: forObjects((names, value, field) =>
    names.filter((name) => !value.has(name)).flatMap((name) => fault(field, `lacks ${name}`))),
  minProperties: forObjects((least, value, field) => unless(value.size >= Number(least.text), field, "has too few members")),
  properties: forObjects((schemas, value, field, root) =>
    [...schemas].filter(([name]) => value.has(name))
      .flatMap(([name, schema]) => faults(schema, value.get(name), below(field, name), root))),
  patternProperties: forObjects((schemas, value, field, root) =>
    [...schemas].flatMap(([source, schema]) => [...value.keys()].filter((name) => new RegExp(source, "u").test(name))
      .flatMap((name) => faults(schema, value.get(name), below(field, name), root)))),
  additionalProperties: forObjects((rule, value, field, root, schema) =>
    unnamedMembers(schema, value).flatMap((name) => rule === false
      ? fault(field, `does not know the member ${name}`)
      : faults(rule, value.get(name), below(field, name), root))),
  items: forLists((schema, value, field, root) =>
    value.flatMap((item, index) => faults(schema, item, below(field, index), root))),
  minItems: forLists((least, value, field) => unless(value.length >= Number(least.text), field, "has too few entries")),
  anyOf: (schemas, value, field, root) =>
    unless(schemas.some((schema) => holds(schema, value, root)), field, "has none of the allowed forms"),
};
