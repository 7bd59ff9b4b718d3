import { createServer as createHttpServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { after } from "node:test";

/** A proxy in front of the real server. */
export interface Proxy {
  url: string;
  /** How many connections (of a TCP proxy) or requests (of an HTTP proxy) there were. */
  count: number;
}

async function listen(server: Server): Promise<Proxy> {
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, count: 0 };
}

/** An address at which nobody listens: the port is unassigned, and too low to be given to anyone by chance. */
export const nobody = "http://127.0.0.1:4";

/** Passes TCP on. The answers on the nth connection are cut after cuts[n] bytes; later ones are left alone. */
export async function cutting(target: string, cuts: number[]): Promise<Proxy> {
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(target).port), "127.0.0.1");
    let left = cuts[proxy.count++] ?? Infinity;
    client.on("data", (chunk) => upstream.write(chunk));
    upstream.on("data", (chunk) => {
      client.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) client.destroySoon();
    });
    end(client, upstream);
    end(upstream, client);
  });
  const proxy = await listen(server);
  return proxy;
}

function end(of: Socket, other: Socket): void {
  of.on("error", () => other.destroy());
  of.on("close", () => other.destroy());
}

/** What an HTTP proxy does with one request: pass it on, pass it on and lose the answer, or answer by itself. */
export type Deed = "pass" | "lose" | { status: number; retryAfter?: string };

/** Passes HTTP requests on, after it has done the deeds, one for each of the first requests. */
export async function misbehaving(target: string, deeds: Deed[]): Promise<Proxy> {
  const server = createHttpServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => { // only the client ends what is idle
    const deed = deeds[proxy.count++] ?? "pass";
    if (typeof deed === "object") {
      outgoing.writeHead(deed.status, deed.retryAfter === undefined ? {} : { "Retry-After": deed.retryAfter });
      incoming.resume().on("end", () => outgoing.end());
      return;
    }
    passOn(target, incoming, outgoing, deed === "lose");
  });
  const proxy = await listen(server);
  return proxy;
}

function passOn(target: string, incoming: IncomingMessage, outgoing: ServerResponse, lose: boolean): void {
  const { method, headers, url } = incoming;
  const upstream = httpRequest(new URL(url ?? "/", target), { ...(method && { method }), headers }, (answer) => {
    if (lose) {
      answer.resume().on("end", () => outgoing.destroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  incoming.pipe(upstream);
}
