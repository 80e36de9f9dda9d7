import { Link } from "@tanstack/react-router";

const tabs = [
  { to: "/documents", name: "Documents" },
  { to: "/effective", name: "In force" },
  { to: "/policies", name: "Signed versions" },
  { to: "/compare", name: "Compare" },
] as const;

/** The views of what the fleet is told: what is written, what comes of it, what was signed. */
export function PolicyTabs() {
  return (
    <nav className="tabs" aria-label="Policies">
      {tabs.map(({ to, name }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: true, includeSearch: false }}
          activeProps={{ "aria-current": "page" }}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}
