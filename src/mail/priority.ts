/** Which mail goes first when there is not room for all: transactional before bulk. */
export type Priority = "transactional" | "bulk";
