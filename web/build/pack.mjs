// Lays the built files out for server/rest/console_files.c: each as it is and compressed, with an include
// file that names them. Also writes build/bench/console.json and fails when a first load has grown too big.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const top = new URL("../../", import.meta.url).pathname;
const dist = path.join(top, "build/web/dist");
const packed = path.join(top, "build/web/pack");
const FIRST_LOAD_MAX_KB = 200;

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

async function files(folder, prefix = "") {
  const entries = await readdir(path.join(folder, prefix), { withFileTypes: true });
  const lists = entries.map((entry) => {
    const name = `${prefix}/${entry.name}`;
    return entry.isDirectory() ? files(folder, name) : [name];
  });
  return (await Promise.all(lists)).flat().filter((name) => !name.startsWith("/.vite/"));
}

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });

async function lay(name, n) {
  const bytes = await readFile(path.join(dist, name));
  const type = types[path.extname(name)];
  if (!type) throw new Error(`${name}: of no known type; add it to build/pack.mjs`);
  const forms = { plain: bytes };
  const small = { br: brotli(bytes), gzip: gzipSync(bytes, { level: 9 }) };
  for (const [form, content] of Object.entries(small))
    if (content.length < bytes.length * 0.95) forms[form] = content;
  const blobs = [];
  const field = {};
  for (const [form, content] of Object.entries(forms)) {
    await writeFile(path.join(packed, `${n}.${form}`), content);
    blobs.push(`CONSOLE_BLOB(${n}_${form}, "build/web/pack/${n}.${form}")`);
    field[form] = `CONSOLE_BYTES(srv_console_${n}_${form}, ${content.length})`;
  }
  const etag = createHash("sha256").update(bytes).digest("hex").slice(0, 20);
  const immutable = name.startsWith("/assets/");
  const all = ["plain", "br", "gzip"].map((form) => field[form] ?? "CONSOLE_BYTES(NULL, 0)").join(", ");
  return { blobs, line: `CONSOLE_FILE("${name}", "${type}", "${etag}", ${immutable}, ${all})`, forms };
}

// What a browser loads before it can show the first page: the entry and all that it imports at once.
async function firstLoad(sizes) {
  const manifest = JSON.parse(await readFile(path.join(dist, ".vite/manifest.json"), "utf8"));
  const seen = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    (manifest[key].imports ?? []).forEach(visit);
  };
  visit("index.html");
  visit("src/features/overview/OverviewPage.tsx"); // what is shown first
  return [...seen].reduce((sum, key) => sum + (sizes.get(`/${manifest[key].file}`) ?? 0), 0) / 1024;
}

await rm(packed, { recursive: true, force: true });
await mkdir(packed, { recursive: true });
await mkdir(path.join(top, "build/gen/server"), { recursive: true });
await mkdir(path.join(top, "build/bench"), { recursive: true });
const names = (await files(dist)).sort();
const laid = await Promise.all(names.map(lay));
const include = [...laid.flatMap((one) => one.blobs), ...laid.map((one) => one.line)].join("\n");
await writeFile(path.join(top, "build/gen/server/console.inc"), `${include}\n`);

const gzipped = new Map(names.map((name, n) => [name, (laid[n].forms.gzip ?? laid[n].forms.plain).length]));
const kb = Math.round((await firstLoad(gzipped)) * 10) / 10;
// In the form of tests/bench/lib.sh; tests/bench/console.sh adds what lists cost.
const figures = {
  commit: spawnSync("git", ["describe", "--always", "--dirty"], {
    cwd: top,
    encoding: "utf8",
  }).stdout?.trim(),
  host: `${os.cpus().length} x ${os.cpus()[0]?.model}, Linux ${os.release()}`,
  runs: 1,
  first_load_js_kb: kb,
  figures: [{ name: "first-load-js", unit: "kB", p50: kb, p99: kb, role: "ours", runs: 1, lost: 0 }],
};
await writeFile(path.join(top, "build/bench/console.json"), `${JSON.stringify(figures)}\n`);
if (kb > FIRST_LOAD_MAX_KB) {
  console.error(
    `the first load is ${kb} kB of compressed JavaScript; at most ${FIRST_LOAD_MAX_KB} are allowed`,
  );
  process.exit(1);
}
