// The roles, and what their holders may do, as docs/access.md has it.
import type { Schemas } from "../api/queries";

export type Role = Schemas["Role"];
export type Grant = Schemas["Grant"];

export const roles: Record<Role, string> = {
  viewer: "looks at devices, policies and events",
  analyst: "looks, and will handle events",
  author: "looks, and writes policies",
  approver: "looks, and will approve what others wrote",
  admin: "does everything",
  gitops: "pushes images and policies; for programs",
  auditor: "looks, and reads the audit log",
};

export const roleNames = Object.keys(roles).filter((name): name is Role => name in roles);

export function asRole(text: string): Role {
  return roleNames.find((name) => name === text) ?? "viewer";
}

export function reach({ groups }: Pick<Grant, "groups">): string {
  if (typeof groups === "string") return groups === "all" ? "all groups" : groups;
  return groups.join(", ");
}

export const grantText = (grant: Grant) => `${grant.role} of ${reach(grant)}`;
export const hasRole = (grants: readonly Grant[], role: Role) => grants.some((grant) => grant.role === role);
export const reachesAll = (grants: readonly Grant[]) => grants.some(({ groups }) => groups === "all");
