import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { signOut, type Session } from "../api/session";
import { Button } from "../ui/Button";
import { icons, mark } from "./icons";
import { hasRole } from "./roles";
import { useTheme } from "./theme";

type Props = { session: Session };

const places = [
  { to: "/", name: "Overview", icon: icons.overview, exact: true },
  { to: "/devices", name: "Devices", icon: icons.devices, exact: false },
  { to: "/events", name: "Events", icon: icons.events, exact: false },
  { to: "/policies", name: "Policies", icon: icons.policies, exact: false },
  { to: "/images", name: "Images", icon: icons.images, exact: false },
  { to: "/tokens", name: "Tokens", icon: icons.tokens, exact: false },
  { to: "/people", name: "People", icon: icons.people, exact: false },
] as const;

/** The way around, and who is signed in. */
export function Sidebar({ session }: Props) {
  const [theme, setTheme] = useTheme();
  const queryClient = useQueryClient();
  const leave = useMutation({
    mutationFn: signOut,
    // Nothing that this person saw stays in memory for the next one.
    onSuccess: () => {
      queryClient.clear();
      location.assign("/");
    },
  });
  // The API refuses it to others; a place that only says so is no place.
  const shown = places.filter((place) => place.to !== "/people" || hasRole(session.person.roles, "admin"));
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
              <Link
                to={place.to}
                activeOptions={{ exact: place.exact, includeSearch: false }}
                activeProps={{ "aria-current": "page" }}
              >
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
