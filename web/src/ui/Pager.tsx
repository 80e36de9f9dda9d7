import { Link } from "@tanstack/react-router";
import { changed } from "./search";

type Props = { after: string | undefined; next: string | null | undefined; rows: number };

/** Steps through a keyset list; where one is stands in the address, so Back goes back. */
export function Pager({ after, next, rows }: Props) {
  if (after === undefined && next == null) return null;
  return (
    <nav className="pager" aria-label="Pages of the list">
      <span className="muted">{rows} on this page</span>
      {after !== undefined && (
        <Link to="." search={(old) => changed(old, { after: undefined })}>
          First page
        </Link>
      )}
      {next != null && (
        <Link to="." search={(old) => changed(old, { after: next })}>
          Next page
        </Link>
      )}
    </nav>
  );
}
