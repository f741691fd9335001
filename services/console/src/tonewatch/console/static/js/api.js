// Requests to the console's own API; a failure is an Error whose message is a sentence for people.

import { me, signedOut } from "./person.js";
import { t } from "./text.js";

export class ApiError extends Error {
  constructor(status, body, retryAfter = null) {
    super(status === 401 && me ? t("door.ended") : body?.detail || `HTTP ${status}`);
    this.status = status;
    this.retryAfter = Number(retryAfter) || 0; // seconds
    this.kind = body?.error || "";
    this.body = body;
  }
}

export async function ask(path, options = {}) {
  const headers = { Accept: "application/json" };
  const response = await fetch(`/api/v1${path}`, { headers, cache: "no-store", ...options });
  const body = await response.json().catch(() => null);
  if (response.status === 401) signedOut();
  if (!response.ok) throw new ApiError(response.status, body, response.headers.get("Retry-After"));
  return body;
}

/** Send JSON; `version` is that of the thing that was looked at, so that nobody's change is lost. */
export function send(path, value, { method = "POST", version = null } = {}) {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  if (version !== null) headers["If-Match"] = `"${version}"`;
  return ask(path, { method, headers, body: JSON.stringify(value) });
}

/** A query from names and values; what is empty is left out, a list is repeated. */
export function query(values) {
  const pairs = Object.entries(values).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  const given = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Upload a recording with its labels, telling of the progress (0 to 1); fetch cannot do that. */
export function upload(file, labels, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/audio");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 401) signedOut();
      if (request.status < 300) resolve(request.response);
      else reject(new ApiError(request.status, request.response));
    };
    request.onerror = () => reject(new ApiError(0, null));
    const form = new FormData();
    form.append("file", file, file.name);
    form.append("name", file.name);
    form.append("labels", JSON.stringify(labels));
    request.send(form);
  });
}

/** Each call is a turn; what it gives says whether no later one was begun: an answer may be overtaken. */
export function turns() {
  let last = 0;
  return () => {
    const mine = ++last;
    return () => mine === last;
  };
}

/** Call a function now and again and again; a hidden page rests. */
export function every(milliseconds, task) {
  const turn = () => (document.hidden ? null : task());
  turn();
  document.addEventListener("visibilitychange", turn);
  return setInterval(turn, milliseconds);
}
