// Who a peer is: the SPIFFE id of its certificate, after every look that the chapter on identity asks for.
// The chain to a root in force is checked by TLS; keys, usages, names and algorithms are read here from DER.

import { X509Certificate } from "node:crypto";

const SEGMENT = "(?!\\.{1,2}(?:/|$))[A-Za-z0-9._-]+";
const WOS_ID = new RegExp(`^spiffe://[a-z0-9._-]{1,255}/margo/wfm/${SEGMENT}$`);
const CLIENT_SUFFIX = new RegExp(`^/client/${SEGMENT}$`);
const LONGEST_ID = 2048;
const LEAST_RSA_BITS = 3072;

const EXTENSIONS = { keyUsage: "551d0f", alternativeNames: "551d11", basicConstraints: "551d13", extendedUsage: "551d25" };
const TAG = { boolean: 0x01, uri: 0x86, extensions: 0xa3, firstOfPss: 0xa0, octets: 0x04 };
const DIGITAL_SIGNATURE = 0x80;
const CERTIFICATE_OR_LIST_SIGNATURE = 0x06;
const CLIENT_AUTHENTICATION = "2b06010505070302";
const SIGNATURES = new Set([
  "2a8648ce3d040302", // ECDSA with SHA-256
  "2a8648ce3d040303", // ECDSA with SHA-384
  "2b6570", // Ed25519
  "2a864886f70d01010b", // RSA PKCS #1 v1.5 with SHA-256
]);
const RSA_PSS = "2a864886f70d01010a";
const SHA_256 = "608648016503040201";

export function isWosId(id) {
  return id.length <= LONGEST_ID && WOS_ID.test(id);
}

export function isClientOf(wosId, id) {
  return id.length <= LONGEST_ID && id.startsWith(wosId) && CLIENT_SUFFIX.test(id.slice(wosId.length));
}

export function certificatesIn(pem) {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((text) => new X509Certificate(text));
}

export function isRoot(certificate) {
  return certificate.ca && certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

// The only URI of a certificate, or undefined.
export function spiffeIdOf(certificate) {
  const uris = childrenOf(extensionsOf(certificate.raw)[EXTENSIONS.alternativeNames])
    .flatMap((names) => childrenOf(names.body)).filter(({ tag }) => tag === TAG.uri);
  return uris.length === 1 ? uris[0].body.toString("latin1") : undefined;
}

// A TLS socket whose chain was verified -> { id, from, until } in milliseconds, or undefined for a peer to refuse.
export function examine(socket, wosId, roots) {
  try {
    return readPeer(socket, wosId, roots);
  } catch {
    return undefined;
  }
}

function readPeer(socket, wosId, roots) {
  const [leaf, ...issuers] = chainOf(socket).filter((certificate) => !roots.some((root) => root.raw.equals(certificate.raw)));
  if (!socket.authorized || leaf === undefined) return undefined;
  const id = spiffeIdOf(leaf);
  const fits = id !== undefined && isClientOf(wosId, id) && isUsableLeaf(leaf) && [leaf, ...issuers].every(isStrong);
  if (!fits) return undefined;
  const from = Math.max(...[leaf, ...issuers].map(({ validFrom }) => Date.parse(validFrom)));
  const until = Math.min(...[leaf, ...issuers].map(({ validTo }) => Date.parse(validTo)));
  return { id, from, until };
}

function chainOf(socket) {
  const chain = [];
  let link = socket.getPeerCertificate(true);
  while (link?.raw && !chain.some((certificate) => certificate.raw.equals(link.raw))) {
    chain.push(new X509Certificate(link.raw));
    link = link.issuerCertificate;
  }
  return chain;
}

function isUsableLeaf(leaf) {
  const extensions = extensionsOf(leaf.raw);
  const isAuthority = childrenOf(extensions[EXTENSIONS.basicConstraints])
    .flatMap(({ body }) => childrenOf(body)).some(({ tag, body }) => tag === TAG.boolean && body[0] !== 0);
  const usage = childrenOf(extensions[EXTENSIONS.keyUsage])[0]?.body[1] ?? 0;
  const purposes = childrenOf(extensions[EXTENSIONS.extendedUsage]).flatMap(({ body }) => childrenOf(body));
  const mayBeClient = purposes.length === 0 || purposes.some(({ body }) => body.toString("hex") === CLIENT_AUTHENTICATION);
  return !isAuthority && (usage & DIGITAL_SIGNATURE) !== 0 && (usage & CERTIFICATE_OR_LIST_SIGNATURE) === 0 && mayBeClient;
}

function isStrong(certificate) {
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const strongKeys = {
    ec: ({ namedCurve }) => ["prime256v1", "secp384r1"].includes(namedCurve),
    ed25519: () => true,
    rsa: ({ modulusLength }) => modulusLength >= LEAST_RSA_BITS,
    "rsa-pss": ({ modulusLength }) => modulusLength >= LEAST_RSA_BITS,
  };
  return (strongKeys[asymmetricKeyType]?.(asymmetricKeyDetails) ?? false) && hasGoodSignature(certificate.raw);
}

function hasGoodSignature(der) {
  const [algorithm, parameters] = childrenOf(childrenOf(childrenOf(der)[0].body)[1].body);
  const name = algorithm.body.toString("hex");
  return SIGNATURES.has(name) || (name === RSA_PSS && hashOfPss(parameters) === SHA_256);
}

function hashOfPss(parameters) {
  const hash = childrenOf(parameters?.body).find(({ tag }) => tag === TAG.firstOfPss);
  return hash && childrenOf(childrenOf(hash.body)[0].body)[0].body.toString("hex");
}

// Object identifier in hexadecimal -> the DER inside the extension.
function extensionsOf(der) {
  const fields = childrenOf(childrenOf(childrenOf(der)[0].body)[0].body);
  const list = childrenOf(fields.find(({ tag }) => tag === TAG.extensions)?.body).flatMap(({ body }) => childrenOf(body));
  return Object.fromEntries(list.map(({ body }) => {
    const parts = childrenOf(body);
    return [parts[0].body.toString("hex"), parts.find(({ tag }) => tag === TAG.octets).body];
  }));
}

function childrenOf(der) {
  const children = [];
  for (let rest = der ?? Buffer.alloc(0); rest.length > 0;) {
    const element = readElement(rest);
    children.push(element);
    rest = rest.subarray(element.length);
  }
  return children;
}

function readElement(der) {
  const long = der[1] & 0x80 ? der[1] & 0x7f : 0;
  const size = long ? der.readUIntBE(2, long) : der[1];
  const start = 2 + long;
  return { tag: der[0], body: der.subarray(start, start + size), length: start + size };
}
