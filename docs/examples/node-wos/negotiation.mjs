// Reading of Accept, If-None-Match and Content-Type (RFC 9110, sections 8.3, 12.5.1 and 13.1.2).

const QUALITY = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
const OUTSIDE_QUOTES = (separator) => new RegExp(`${separator}(?=(?:[^"]*"[^"]*")*[^"]*$)`);
const COMMA = OUTSIDE_QUOTES(",");
const SEMICOLON = OUTSIDE_QUOTES(";");

function split(text, separator) {
  return text.split(separator).map((part) => part.trim()).filter((part) => part !== "");
}

function readRange(text) {
  const [range, ...parameters] = split(text, SEMICOLON);
  const pairs = parameters.map((parameter) => parameter.split("=").map((part) => part.trim()));
  const weight = pairs.findIndex(([name]) => name.toLowerCase() === "q");
  const quality = weight < 0 ? "1" : pairs[weight][1] ?? "";
  return { range: (range ?? "").toLowerCase(), narrowed: weight < 0 ? pairs.length > 0 : weight > 0, quality };
}

// Does an Accept header allow the media type? The most specific range that fits decides.
export function accepts(header, mediaType) {
  if (header === undefined || header.trim() === "") return true;
  const ranges = split(header, COMMA).map(readRange).filter(({ narrowed, quality }) => !narrowed && QUALITY.test(quality));
  const candidates = [mediaType, `${mediaType.split("/")[0]}/*`, "*/*"];
  const decisive = candidates.find((candidate) => ranges.some(({ range }) => range === candidate));
  return ranges.some(({ range, quality }) => range === decisive && Number(quality) > 0);
}

// Does an If-None-Match header hold the tag (with its quotes)? Tags are compared weakly.
export function holdsTag(header, tag) {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return split(header, COMMA).some((member) => member.replace(/^W\//, "") === tag);
}

export function isJson(contentType) {
  return contentType === undefined || contentType.split(";")[0].trim().toLowerCase() === "application/json";
}
