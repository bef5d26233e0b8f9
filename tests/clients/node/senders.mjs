// node senders.mjs <provider> [--count N]
//
// Prints N requests of that provider, signed a moment ago, as JSON lines
// {headers, body_base64, secret}. When N is larger than the number of samples they come
// round again; the ids that providers' retries are known by are new each time.
// Without --count: every sample once (329 for github).

import { parseArgs } from "node:util";
import { samples } from "./payloads.mjs";
import { signers } from "./signers.mjs";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { count: { type: "string" } } });
const [provider] = positionals;
if (positionals.length !== 1 || !Object.hasOwn(signers, provider) || !/^([1-9]\d*)?$/.test(values.count ?? "")) {
  console.error(`usage: node senders.mjs <${Object.keys(signers).join("|")}> [--count N]`);
  process.exit(2);
}

const at = Math.floor(Date.now() / 1000);
const bodies = samples[provider](at);
const signer = signers[provider];
for (let n = 0; n < Number(values.count ?? bodies.length); n++) {
  const { body, ...about } = bodies[n % bodies.length];
  const headers = await signer.sign(body, { at, ...about });
  console.log(JSON.stringify({ headers, body_base64: Buffer.from(body).toString("base64"), secret: signer.secret }));
}
