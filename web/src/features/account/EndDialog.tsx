import { sessionQuery } from "../../api/session";
import { Confirm } from "../../ui/Confirm";
import { Notice } from "../../ui/Notice";
import { visible } from "../../ui/visible";
import { browserName, endSession, type OneSession } from "./session-list";

type Props = { session: OneSession; onClose: () => void };

/** Asks before a session is ended, and says whose, and that it may be this one. */
export function EndDialog({ session, onClose }: Props) {
  const name = visible(session.person.name);
  return (
    <Confirm
      title={`End a session of ${name}?`}
      act={() => endSession(session.id)}
      stale={session.current ? sessionQuery.queryKey : ["sessions"]}
      keep="Leave it"
      go="End the session"
      refused="Not ended"
      onClose={onClose}
    >
      <p>
        {browserName(session.agent)}, from {visible(session.address)}, is signed out with its next request.
        What was begun there and not sent is lost. {name} can sign in again.
      </p>
      {session.current && (
        <Notice tone="warn" title="This is the session you use">
          You will be signed out here.
        </Notice>
      )}
    </Confirm>
  );
}
