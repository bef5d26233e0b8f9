// node handshakes.mjs
//
// Senders that look before they trust a URL. Reads JSON lines and answers each with one:
//   {"ask": "slack", "url", "body"}           posts the body, signed, there and to Slack's own answerer
//                                              (Bolt's HTTPReceiver): {doorbell, bolt}, each {status, type, body}
//   {"ask": "permission", "url", "headers"}   OPTIONS with these headers: {status, headers}
//   {"ask": "emit", "url", "event", "origin"} sends a CloudEvent with the SDK's emitter: {headers, event}
//   {"ask": "read", "message"}                what the SDK reads in a message of the inbox: {event}

import { createServer, request } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { CloudEvent, HTTP, Mode, emitterFor, httpTransport } from "cloudevents";
import { signers } from "./signers.mjs";
import { bodyOf } from "./verifiers.mjs";

const { HTTPReceiver, LogLevel } = createRequire(import.meta.url)("@slack/bolt");

/** Sends a request as it is, and reads the whole answer. */
function send(url, method, headers, body = "") {
  return new Promise((done, failed) => {
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    sent.on("error", failed);
    sent.end(body);
  });
}

const asks = {
  async slack({ url, body }) {
    const receiver = new HTTPReceiver({ signingSecret: signers.slack.secret, logLevel: LogLevel.ERROR });
    const server = createServer(receiver.requestListener);
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    try {
      const headers = await signers.slack.sign(body);
      const post = async (to) => {
        const answer = await send(to, "POST", headers, body);
        return { status: answer.status, type: answer.headers["content-type"], body: answer.body };
      };
      return { doorbell: await post(url), bolt: await post(`http://127.0.0.1:${server.address().port}/slack/events`) };
    } finally {
      server.close();
    }
  },
  async permission({ url, headers }) {
    const answer = await send(url, "OPTIONS", headers);
    return { status: answer.status, headers: answer.headers };
  },
  async emit({ url, event, origin }) {
    const emit = emitterFor(httpTransport(url), { mode: Mode.BINARY });
    const sent = new CloudEvent(event);
    const { headers } = await emit(sent, { headers: { "webhook-request-origin": origin } });
    return { headers, event: sent };
  },
  async read({ message }) {
    return { event: HTTP.toEvent({ headers: message.headers, body: bodyOf(message).toString() }) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...rest } = JSON.parse(line);
  console.log(JSON.stringify(await asks[ask](rest)));
}
