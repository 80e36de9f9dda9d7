// The corpus of the policy language through docs/policy.schema.json and a validator that is not ours.
// Every accepted file must pass it. Every refused one must not, unless beyond-schema.txt names it: what is wrong
// there shows only to somebody who knows more than a schema can say.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Ajv from "ajv/dist/2020.js";
import { parseAllDocuments } from "yaml";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const corpus = here("../unit/common/policy/corpus/");
const schema = JSON.parse(readFileSync(here("../../docs/policy.schema.json"), "utf8"));
const validate = new Ajv({ strict: true, strictRequired: false, allErrors: true }).compile(schema);
const beyond = new Set(
  readFileSync(here("beyond-schema.txt"), "utf8").split("\n").filter((line) => line && !line.startsWith("#")),
);

// An alias of something that is not there shows only when the value is made.
function isAcceptedDocument(document) {
  try {
    return document.errors.length === 0 && validate(document.toJS());
  } catch {
    return false;
  }
}

function isAccepted(name) {
  const documents = parseAllDocuments(readFileSync(corpus + name, "utf8"), { version: "1.2", schema: "core" });
  return Array.isArray(documents) && documents.length > 0 && documents.every(isAcceptedDocument);
}

const names = readdirSync(corpus).filter((name) => name.endsWith(".yaml"));
const wrong = names.filter((name) => isAccepted(name) !== (name.startsWith("pass-") || beyond.has(name)));
const gone = [...beyond].filter((name) => !names.includes(name));
for (const name of wrong) console.log(`${name}: ${isAccepted(name) ? "accepted" : "refused"} by the schema`);
for (const name of gone) console.log(`${name}: named in beyond-schema.txt, and not there`);
console.log(`${names.length} documents, ${beyond.size} of them beyond the schema`);
process.exit(wrong.length || gone.length || names.length < 150 ? 1 : 0);
