import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import { signOut, type Session } from "../api/session";
import { Button } from "../ui/Button";
import { icons, mark } from "./icons";
import { hasRole } from "./roles";
import { useTheme } from "./theme";

type Props = { session: Session };

const places = [
  { to: "/", name: "Overview", icon: icons.overview, under: /^\/$/ },
  { to: "/devices", name: "Devices", icon: icons.devices, under: /^\/devices/ },
  { to: "/events", name: "Events", icon: icons.events, under: /^\/events/ },
  {
    to: "/documents",
    name: "Policies",
    icon: icons.policies,
    under: /^\/(documents|draft|effective|compare|policies)/,
  },
  { to: "/images", name: "Images", icon: icons.images, under: /^\/images/ },
  { to: "/tokens", name: "Tokens", icon: icons.tokens, under: /^\/tokens/ },
  { to: "/people", name: "People", icon: icons.people, under: /^\/people/ },
  { to: "/sessions", name: "Sessions", icon: icons.sessions, under: /^\/sessions/ },
  { to: "/audit", name: "Audit log", icon: icons.audit, under: /^\/audit/ },
] as const;

/** The way around, and who is signed in. */
export function Sidebar({ session }: Props) {
  const [theme, setTheme] = useTheme();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const queryClient = useQueryClient();
  const leave = useMutation({
    mutationFn: signOut,
    // Nothing that this person saw stays in memory for the next one.
    onSuccess: () => {
      queryClient.clear();
      location.assign("/");
    },
  });
  // The API refuses some to others; a place that only says so is no place.
  const isAdmin = hasRole(session.person.roles, "admin");
  const seesAudit = isAdmin || hasRole(session.person.roles, "auditor");
  const shown = places.filter(({ to }) => (to !== "/people" || isAdmin) && (to !== "/audit" || seesAudit));
  const roles = session.person.roles.map((one) => one.role).join(", ");
  return (
    <header className="sidebar">
      <Link to="/" className="brand">
        {mark}
        Ampoule
      </Link>
      <nav aria-label="Main">
        <ul>
          {shown.map((place) => (
            <li key={place.to}>
              <Link to={place.to} aria-current={place.under.test(path) ? "page" : undefined}>
                {place.icon}
                {place.name}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div className="who">
        <div className="person">
          <Link to="/account" aria-label={`Your account: ${session.person.name}`}>
            <strong>{session.person.name}</strong>
          </Link>
          <span className="muted small">{roles === "" ? "no role" : roles}</span>
        </div>
        <label className="sr-only" htmlFor="theme">
          Colours
        </label>
        <select
          id="theme"
          value={theme}
          onChange={(event) => {
            const next = event.target.value;
            setTheme(next === "light" || next === "dark" ? next : "system");
          }}
        >
          <option value="system">System colours</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
        <Button
          tone="quiet"
          busy={leave.isPending}
          onClick={() => {
            leave.mutate();
          }}
        >
          Sign out
        </Button>
      </div>
    </header>
  );
}
