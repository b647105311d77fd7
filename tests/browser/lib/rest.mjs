// The REST interface of a server, whoever its certificate is of.

import { request as insecure } from "node:http";
import { request as secure } from "node:https";
import { json, text } from "node:stream/consumers";

/** What it answers whoever has this token. */
export async function ask(url, token, method = "GET", body = undefined) {
  const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
  const request = url.startsWith("https:") ? secure : insecure;
  const response = await new Promise((done, failed) => {
    const asking = request(url, { method, headers, rejectUnauthorized: false, agent: false }, done);
    asking.once("error", failed);
    asking.end(body && JSON.stringify(body));
  });
  const { statusCode } = response;
  if (statusCode < 200 || statusCode > 299) throw new Error(`${method} ${url}: ${statusCode} ${await text(response)}`);
  return statusCode === 204 ? null : json(response);
}
