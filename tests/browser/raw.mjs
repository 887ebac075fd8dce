// Requests as no browser sends them, with or without a client certificate.

import { request as http } from "node:http";
import { Agent, request as https } from "node:https";

const LIMIT_MS = 20_000;

/// Sends one request and reads the whole answer: status, headers, body.
export function send(url, { method = "GET", headers = {}, body, key = {}, agent } = {}) {
  const secure = { rejectUnauthorized: false, cert: key.cert, key: key.key };
  const settings = { method, headers, agent: agent ?? false, timeout: LIMIT_MS };
  return new Promise((resolve, reject) => {
    const begin = url.startsWith("https:") ? https : http;
    const request = begin(url, { ...settings, ...(url.startsWith("https:") && secure) }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", reject);
    request.end(body);
  });
}

/// One connection for several requests.
export const oneConnection = (key) =>
  new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false, cert: key.cert, key: key.key });

/// A form as a browser sends it.
export const form = (fields) => ({
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields).toString(),
});
