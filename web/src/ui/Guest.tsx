import { visible } from "./visible";

type Props = { text: string; none?: string };

/** Text that a guest or a device made: in code type, its own direction, hidden letters written out. */
export function Guest({ text, none = "—" }: Props) {
  if (text === "") return <span className="muted">{none}</span>;
  return (
    <bdi className="guest" title={visible(text)}>
      {visible(text)}
    </bdi>
  );
}
