// A real OpenID Connect issuer (panva's oidc-provider) on a free loopback port, told what to do line by line.
//
//   node issuer.mjs
//
// stdout, a JSON line each: first {issuer, client_id, client_secret}, then an answer per line of stdin:
//   {"token": {"claims": {...}, "audience": A, "ttl": S, "alg": "ES256"}}
//       -> {token}: asked of its own token endpoint by client credentials, for a resource that has this audience
//   {"forge": {"claims": {...}, "header": {...}, "key": "own" | "stranger" | "public" | "none"}}
//       -> {token}: written by hand over the claims of a good one: signed with the issuer's own key, with another's of
//       the same kid, by HMAC with the issuer's public key (PEM) as the secret, or not at all
//   {"serve": {"audience": A, "claims": {...}}}   -> {}: what clients that ask on their own are given
//   {"redirects": [URL]}     -> {}: where the public client "e2e-public" may be sent back to; whoever goes to sign in is
//   let in as "person" at once, with the claims of the last "serve"
//   {"rotate": true}         -> {}: new keys with new ids, the old ones gone
//   {"stop": true}, {"start": true}   -> {}: the listener goes and comes back, on the same port
//   {"asked": "/jwks"}       -> {asked: n}: how often that path was asked for
// The process ends with its input.

import { createPublicKey } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { CompactSign, base64url, exportJWK, generateKeyPair, importJWK } from "jose";
import Provider, { errors } from "oidc-provider";

const CLIENT = { client_id: "e2e-agent", client_secret: "not-a-secret-of-anyones" };
// Not the resource's address: an issuer decides what an audience is.
const RESOURCE = "urn:doorbell:e2e";

let given = { audience: "doorbell", claims: {}, ttl: 300, alg: "RS256" };
let redirects = ["http://127.0.0.1/callback"];
let generation = 0;
const asked = new Map();
let keys, handle, issuer;

async function newKeys() {
  generation += 1;
  const make = async (alg, options) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true, ...options });
    return { ...(await exportJWK(privateKey)), kid: `${alg}-${generation}`, use: "sig" };
  };
  return Promise.all([make("RS256"), make("ES256"), make("ES384"), make("EdDSA", { crv: "Ed25519" })]);
}

function provider() {
  const made = new Provider(issuer, {
    jwks: { keys },
    clients: [
      { ...CLIENT, grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
      { client_id: "e2e-public", token_endpoint_auth_method: "none", application_type: "native", redirect_uris: redirects },
    ],
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        getResourceServerInfo: (_, resource) => {
          if (!resource) throw new errors.InvalidTarget();
          const audience = given.audience ?? resource;
          return { scope: "", audience, accessTokenFormat: "jwt", accessTokenTTL: given.ttl, jwt: { sign: { alg: given.alg } } };
        },
      },
    },
    conformIdTokenClaims: false,
    claims: { openid: ["sub", "doorbell_folder"] },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, ...given.claims }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    extraTokenClaims: () => given.claims,
    ttl: { ClientCredentials: () => given.ttl },
  });
  made.on("server_error", (_, error) => console.error(error));
  const serve = made.callback();
  return async (request, response) => {
    if (!request.url.startsWith("/interaction/")) return serve(request, response);
    const { params } = await made.interactionDetails(request, response);
    const grant = new made.Grant({ accountId: "person", clientId: params.client_id });
    grant.addOIDCScope("openid");
    const consent = { grantId: await grant.save() };
    return made.interactionFinished(request, response, { login: { accountId: "person" }, consent });
  };
}

const server = createServer((request, response) => {
  const path = new URL(request.url, issuer).pathname;
  asked.set(path, (asked.get(path) ?? 0) + 1);
  response.setHeader("connection", "close"); // or a client would wait on a connection from before a stop
  handle(request, response);
});
const listen = (port) => new Promise((done) => server.listen(port, "127.0.0.1", done));

async function token({ claims = {}, audience = "doorbell", ttl = 300, alg = "RS256" }) {
  const before = given;
  given = { claims, audience, ttl, alg };
  try {
    const basic = Buffer.from(`${CLIENT.client_id}:${CLIENT.client_secret}`).toString("base64");
    const reply = await fetch(`${issuer}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: "client_credentials", resource: RESOURCE }),
    });
    const answer = await reply.json();
    if (!answer.access_token) throw new Error(JSON.stringify(answer));
    return answer.access_token;
  } finally {
    given = before;
  }
}

async function forge({ claims = {}, header = {}, key = "own" }) {
  const now = Math.floor(Date.now() / 1000);
  const jwk = keys.find(({ kid }) => kid.startsWith("RS256"));
  const good = { iss: issuer, sub: "somebody", aud: "doorbell", iat: now, exp: now + 300 };
  // A claim that is null is left out.
  const payload = Object.fromEntries(Object.entries({ ...good, ...claims }).filter(([, value]) => value !== null));
  const protect = { alg: "RS256", typ: "at+jwt", kid: jwk.kid, ...header };
  const body = new TextEncoder().encode(JSON.stringify(payload));
  if (key === "none") {
    return `${base64url.encode(JSON.stringify({ ...protect, alg: "none" }))}.${base64url.encode(body)}.`;
  }
  if (key === "public") {
    const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
    return new CompactSign(body).setProtectedHeader({ ...protect, alg: "HS256" }).sign(new TextEncoder().encode(pem));
  }
  const own = key === "own" ? await importJWK(jwk, protect.alg) : (await generateKeyPair(protect.alg)).privateKey;
  return new CompactSign(body).setProtectedHeader(protect).sign(own);
}

async function obey(order) {
  if (order.token) return { token: await token(order.token) };
  if (order.forge) return { token: await forge(order.forge) };
  if (order.serve) given = { ...given, ...order.serve };
  else if (order.redirects) (redirects = order.redirects), (handle = provider());
  else if (order.rotate) (keys = await newKeys()), (handle = provider());
  else if (order.stop) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  } else if (order.start) await listen(new URL(issuer).port);
  else if (order.asked) return { asked: asked.get(order.asked) ?? 0 };
  else throw new Error(`not an order: ${JSON.stringify(order)}`);
  return {};
}

await listen(0);
issuer = `http://127.0.0.1:${server.address().port}`;
keys = await newKeys();
handle = provider();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
say({ issuer, ...CLIENT });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await obey(JSON.parse(line)));
  } catch (error) {
    say({ error: String(error.stack) });
  }
}
process.exit(0);
