// One request to the API: same origin, answers parsed, problems as errors.
import * as v from "valibot";

// Looser than the generated Problem: a code that this console does not know yet is still shown.
const Problem = v.object({
  title: v.string(),
  detail: v.string(),
  code: v.string(),
  request: v.optional(v.string()),
  errors: v.optional(
    v.array(
      v.object({
        line: v.number(),
        column: v.number(),
        path: v.string(),
        text: v.string(),
        document: v.optional(v.string()),
      }),
    ),
  ),
});
/** `document`: which of the stored ones it is about; absent for the one that was sent. */
export type Finding = {
  line: number;
  column: number;
  path: string;
  text: string;
  document?: string | undefined;
};

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly request: string | undefined;
  readonly findings: Finding[];
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, problem: v.InferOutput<typeof Problem>, retryAfterSeconds?: number) {
    super(problem.detail === "" ? problem.title : problem.detail);
    this.status = status;
    this.code = problem.code;
    this.request = problem.request;
    this.findings = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export type Query = Record<string, string | number | undefined>;

export function url(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") params.set(name, String(value));
  const text = params.toString();
  return `/api/v1${path}${text === "" ? "" : `?${text}`}`;
}

async function failure(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get("Retry-After") ?? "");
  const parsed = v.safeParse(Problem, await response.json().catch(() => null));
  const problem = parsed.success
    ? parsed.output
    : {
        title: "No answer",
        detail: `The server answered ${response.status} without saying why.`,
        code: "no-problem",
      };
  return new ApiError(response.status, problem, seconds > 0 ? seconds : undefined);
}

async function request(method: string, path: string, init: RequestInit): Promise<Response> {
  let response;
  try {
    response = await fetch(path, { method, credentials: "same-origin", redirect: "error", ...init });
  } catch (reason) {
    if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
    throw new ApiError(0, {
      title: "No connection",
      detail: "The server cannot be reached. This page tries again by itself.",
      code: "no-connection",
    });
  }
  if (!response.ok) throw await failure(response);
  return response;
}

export async function get<T>(
  parser: v.GenericSchema<unknown, T>,
  path: string,
  query?: Query,
  signal?: AbortSignal,
): Promise<T> {
  const response = await request("GET", url(path, query), signal ? { signal } : {});
  return v.parse(parser, await response.json());
}

// The header is what another site's form or link cannot send.
const changing = { "X-Ampoule-Request": "1" };

export async function send<T>(
  parser: v.GenericSchema<unknown, T>,
  method: "POST" | "PUT" | "PATCH",
  path: string,
  body: unknown,
): Promise<T> {
  const response = await request(method, url(path), {
    headers: { ...changing, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return v.parse(parser, response.status === 204 ? undefined : await response.json());
}

export async function remove(path: string): Promise<void> {
  await request("DELETE", url(path), { headers: changing });
}
