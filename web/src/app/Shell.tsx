import { useQuery } from "@tanstack/react-query";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { sessionQuery } from "../api/session";
import { Failure } from "../ui/Failure";
import { Sidebar } from "./Sidebar";
import { SignInPage } from "./SignInPage";

/** The frame of every page: the way around, and the sign-in page while nobody is signed in. */
export function Shell() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const session = useQuery({ ...sessionQuery, enabled: path !== "/setup" });

  if (path === "/setup") return <Outlet />;
  if (session.isPending)
    return (
      <main className="alone" aria-busy="true">
        <p className="muted">Asking who is signed in …</p>
      </main>
    );
  if (session.data === undefined)
    return (
      <main className="alone">
        <Failure error={session.error} onRetry={() => void session.refetch()} />
      </main>
    );
  if (session.data === null) return <SignInPage />;
  return (
    <div className="shell">
      <a className="skip" href="#content">
        To the content
      </a>
      <Sidebar session={session.data} />
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}
