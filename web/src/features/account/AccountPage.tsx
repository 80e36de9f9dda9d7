import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { sessionQuery } from "../../api/session";
import { grantText } from "../../app/roles";
import { Facts } from "../../ui/Facts";
import { Page } from "../../ui/Page";
import { Panel } from "../../ui/Panel";
import { Time } from "../../ui/Time";
import { SecondFactor } from "./SecondFactor";

/** What one may do, how long one stays signed in, and the second factor. */
export function AccountPage() {
  const session = useQuery(sessionQuery).data;
  if (session == null) return null;
  const { person } = session;
  return (
    <Page title="Your account" lead="What you may do, and what signing in asks of you.">
      <div className="columns">
        <Panel title={person.name}>
          <Facts
            facts={[
              ["May", person.roles.length === 0 ? "nothing yet" : person.roles.map(grantText).join("; ")],
              ["Signed in until", <Time key="until" at={session.expires} full />],
              [
                "Signed in where",
                <Link key="where" to="/sessions">
                  every session
                </Link>,
              ],
              ["Or unused for", `${Math.round(session.idle_seconds / 60)} minutes`],
            ]}
          />
        </Panel>
        <SecondFactor />
      </div>
    </Page>
  );
}
