import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { HoldallClient, type HoldallClientOptions } from "@holdall/sdk";

const secret = "a secret of thirty-two bytes or more, for tests";

/** Claims of a token, besides those that every token has. */
export interface Claims {
  sub?: string;
  tenant_id?: string;
  app_id?: string;
  permissions?: string[];
  exp?: number;
}

/** Mints a token; it is good for an hour and for everything unless the claims say otherwise. */
export function mint(claims: Claims = {}): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: "ada", tenant_id: "acme", permissions: ["*"], exp, ...claims })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** Starts the server that `npm test` has built, over memory, and stops it when the tests of the file are done. */
export async function startServer(...more: string[]): Promise<string> {
  const flags = ["serve", "--dev", "--catalog", "memory:", "--listen", "127.0.0.1:0", ...more];
  const server = spawn(fileURLToPath(new URL("../holdall", import.meta.url)), flags, {
    env: { ...process.env, HOLDALL_JWT_SECRET: secret },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  after(async () => {
    server.kill("SIGKILL"); // all it has is in memory
    await exited;
  });
  return printed(server.stdout, /^export HOLDALL_URL=(.*)$/m);
}

/** Starts MinIO, which is built the first time, for `--blobs`. */
export async function startMinIO(): Promise<string> {
  const root = fileURLToPath(new URL("../../../..", import.meta.url));
  const server = spawn("go", ["run", "./internal/s3test/minio"], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  after(async () => {
    server.stdin.end();
    await exited;
  });
  return printed(server.stdout, /^(minio:.*)$/m);
}

async function printed(stdout: AsyncIterable<Buffer>, wanted: RegExp): Promise<string> {
  let output = "";
  for await (const chunk of stdout) {
    output += chunk;
    const found = wanted.exec(output)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error(`the server did not start: ${output}`);
}

/** Makes a client with a token for everything, unless the options say otherwise. */
export function clientOf(baseUrl: string, options: Partial<HoldallClientOptions> = {}): HoldallClient {
  return new HoldallClient({ baseUrl, token: mint(), ...options });
}

/** Says what a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was not rejected");
    },
    (error: unknown) => error,
  );
}
