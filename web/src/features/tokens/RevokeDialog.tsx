import { Confirm } from "../../ui/Confirm";
import { consequence, revokeToken, type Token } from "./token";

type Props = { token: Token; onClose: () => void };

/** Asks before a token is revoked, and says what will happen. */
export function RevokeDialog({ token, onClose }: Props) {
  return (
    <Confirm
      title={`Revoke ${token.name === "" ? "this token" : `“${token.name}”`}?`}
      act={() => revokeToken(token.id)}
      stale={["tokens"]}
      keep="Keep it"
      go="Revoke"
      refused="Not revoked"
      onClose={onClose}
    >
      <p>{consequence(token)}</p>
    </Confirm>
  );
}
