export { formatDate } from "../smtp/date.ts";
