import { Link } from "@tanstack/react-router";
import { Empty } from "../ui/Empty";
import { Page } from "../ui/Page";

/** An address that leads nowhere. */
export function NotFound() {
  return (
    <Page title="Not found">
      <Empty title="There is no such page" action={<Link to="/">To the overview</Link>} />
    </Page>
  );
}
