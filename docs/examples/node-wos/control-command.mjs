// The test control as a command per verb: hands the verb to the operator's listener and answers with an exit code.
// Usage: CONTROL_URL=… CONTROL_TOKEN_FILE=… node control-command.mjs <verb>, with the JSON on standard input

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

const DONE = 0, ACCEPTED = 75, NOT_OFFERED = 69, FAILED = 1;
const EXIT_CODES = { 200: DONE, 202: ACCEPTED, 501: NOT_OFFERED };

const { CONTROL_URL, CONTROL_TOKEN_FILE } = process.env;
const [verb] = process.argv.slice(2);

try {
  const token = (await readFile(CONTROL_TOKEN_FILE, "ascii")).trim();
  const response = await fetch(`${CONTROL_URL}/control/v1/${verb}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: await text(process.stdin),
  });
  process.stdout.write(await response.text());
  process.exitCode = EXIT_CODES[response.status] ?? FAILED;
} catch (error) {
  console.error(error.message);
  process.exitCode = FAILED;
}
