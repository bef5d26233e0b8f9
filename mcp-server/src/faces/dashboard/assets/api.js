// What the page asks: `/v1`, as anyone may, with the browser's cookie. Its paths are relative: a proxy
// may have put us below one of its own.

const csrf = document.querySelector('meta[name="doorbell-csrf"]').content;

/** A refusal: problem details (RFC 9457). */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `the server answered ${status}`);
    this.status = status;
    this.field = problem.field ?? null;
  }
}

/** A path with a query; what is empty is left out. */
export function path(base, query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return pairs.length === 0 ? base : `${base}?${new URLSearchParams(pairs)}`;
}

async function ask(method, target, body, signal) {
  const headers = {};
  if (method !== "GET") headers["Doorbell-Csrf"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(target, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, { detail: "the server cannot be reached" });
  }
  if (answer.status === 401) {
    // The session is over: what comes in place of the page is the form, and the address stays.
    location.reload();
    throw new Refusal(401, { detail: "signed out" });
  }
  const reply = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, reply);
  return reply;
}

export const get = (base, query, signal) => ask("GET", path(base, query), undefined, signal);
export const post = (target, body = {}) => ask("POST", target, body);
export const remove = (target) => ask("DELETE", target);

/** Ends the session here and at the server. */
export async function signOut() {
  await ask("POST", "sign-out");
  location.replace("./");
}
