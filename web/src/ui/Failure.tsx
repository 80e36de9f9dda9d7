import { Button } from "./Button";

export type Failed = Error & { status?: number; code?: string; request?: string | undefined };
type Props = { error: Failed; onRetry?: () => void };

function advice(error: Failed): string {
  switch (error.status) {
    case 403:
      return "Ask an admin for the role, or sign in as someone who has it.";
    case 404:
      return "It may have been removed, or the address is incomplete.";
    case 0:
    case 503:
      return "The page tries again by itself; the server’s log says more.";
    default:
      return "Try again; if it stays so, look for the request’s id in the server’s log.";
  }
}

/** What went wrong: the API's words, its code, and what to do next. Also the state "you may not see this". */
export function Failure({ error, onRetry }: Props) {
  const denied = error.status === 403;
  return (
    <div className={denied ? "empty denied" : "empty failed"} role="alert">
      <p className="empty-title">{denied ? "Not for your role" : "This cannot be shown"}</p>
      <p>{error.message}</p>
      <p className="muted">{advice(error)}</p>
      <p className="muted small">
        {error.code !== undefined && <code>{error.code}</code>}
        {error.request !== undefined && <> request {error.request}</>}
      </p>
      {!denied && onRetry !== undefined && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}
