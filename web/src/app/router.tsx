import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import * as v from "valibot";
import { NotFound } from "./NotFound";
import { parseSearch, stringifySearch } from "./search-params";
import { Shell } from "./Shell";

const text = v.optional(
  v.fallback(v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(160))), undefined),
);
const words = <Key extends string>(...keys: Key[]) => {
  const entries = Object.fromEntries(keys.map((key) => [key, text] as const));
  const schema = v.object(entries);
  return (input: Record<string, unknown>): Partial<Record<Key, string>> => {
    const found: Partial<Record<Key, string>> = {};
    const parsed = v.parse(schema, input);
    for (const key of keys) if (parsed[key] !== undefined) found[key] = parsed[key];
    return found;
  };
};

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: "/",
    component: lazyRouteComponent(() => import("../features/overview/OverviewPage"), "OverviewPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/setup",
    component: lazyRouteComponent(() => import("../features/session/SetupPage"), "SetupPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/devices",
    validateSearch: words("group", "state"),
    component: lazyRouteComponent(() => import("../features/devices/DevicesPage"), "DevicesPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/devices/enrol",
    component: lazyRouteComponent(() => import("../features/devices/EnrolPage"), "EnrolPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/devices/$id",
    component: lazyRouteComponent(() => import("../features/devices/DevicePage"), "DevicePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/events",
    validateSearch: words("verdict", "class", "task", "user", "rule", "device", "group", "vm"),
    component: lazyRouteComponent(() => import("../features/events/EventsPage"), "EventsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/events/$cursor",
    component: lazyRouteComponent(() => import("../features/events/EventPage"), "EventPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/policies",
    validateSearch: words("group", "after"),
    component: lazyRouteComponent(() => import("../features/policies/PoliciesPage"), "PoliciesPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/policies/edit",
    validateSearch: words("group", "from"),
    component: lazyRouteComponent(() => import("../features/policies/EditPage"), "EditPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/policies/$group/$serial",
    component: lazyRouteComponent(() => import("../features/policies/PolicyPage"), "PolicyPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/documents",
    component: lazyRouteComponent(() => import("../features/policies/DocumentsPage"), "DocumentsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/documents/$id",
    validateSearch: words("line", "from", "to"),
    component: lazyRouteComponent(() => import("../features/policies/DocumentPage"), "DocumentPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/draft",
    validateSearch: words("id", "revision", "kind", "group", "serial"),
    component: lazyRouteComponent(() => import("../features/policies/DraftPage"), "DraftPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/effective",
    validateSearch: words("group", "device", "user", "serial"),
    component: lazyRouteComponent(() => import("../features/policies/EffectivePage"), "EffectivePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/compare",
    validateSearch: words("group", "from", "to"),
    component: lazyRouteComponent(() => import("../features/policies/ComparePage"), "ComparePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/images",
    validateSearch: words("after"),
    component: lazyRouteComponent(() => import("../features/images/ImagesPage"), "ImagesPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/tokens",
    validateSearch: words("after"),
    component: lazyRouteComponent(() => import("../features/tokens/TokensPage"), "TokensPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/people",
    validateSearch: words("after"),
    component: lazyRouteComponent(() => import("../features/people/PeoplePage"), "PeoplePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/account",
    component: lazyRouteComponent(() => import("../features/account/AccountPage"), "AccountPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/sessions",
    validateSearch: words("after"),
    component: lazyRouteComponent(() => import("../features/account/SessionsPage"), "SessionsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/audit",
    validateSearch: words("actor", "action", "outcome", "after", "row"),
    component: lazyRouteComponent(() => import("../features/audit/AuditPage"), "AuditPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/components",
    component: lazyRouteComponent(() => import("./ComponentsPage"), "ComponentsPage"),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([...routes]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
