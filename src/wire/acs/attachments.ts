import { AcsError } from "./acs-error.ts";
import type { AcsApiVersion } from "./api-version.ts";
import type { EmailAttachment } from "./email-message.ts";
import type { HeaderWishes } from "./headers.ts";
import { invalid, readLine, readObject, readText } from "./read.ts";

// RFC 2045 §5.1: a type with its parameters, tokens or quoted.
const mediaType = /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(?: ?; ?[\w!#$&^.+-]{1,40}=(?:[\w!#$&^.+/:-]{1,100}|"[ !#-[\]-~]{0,100}"))*$/;
const contentIdForm = /^[!-;=?-~]{1,200}$/;
const base64Form = /^[A-Za-z0-9+/]*={0,2}$/;

/** @throws AcsError; an attachment that is not valid is left out instead where the request wishes so */
export function readAttachments(value: unknown, version: AcsApiVersion, wishes: HeaderWishes): readonly EmailAttachment[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid("attachments", "must be an array");
  const attachments = value.flatMap((each: unknown, index) => {
    try {
      return [readAttachment(each, `attachments[${index}]`, version)];
    } catch (error) {
      if (wishes.suppressInvalidAttachment && error instanceof AcsError) return [];
      throw error;
    }
  });
  const ids = attachments.flatMap(({ contentId }) => contentId ?? []);
  if (!wishes.ignoreDuplicateContentId && new Set(ids).size < ids.length) throw invalid("attachments", "has one contentId twice");
  return attachments;
}

function readAttachment(value: unknown, target: string, version: AcsApiVersion): EmailAttachment {
  const keys = ["name", "contentType", "contentInBase64", ...(version === "2023-03-31" ? [] : ["contentId"])];
  const given = readObject(value, target, keys);
  const name = readLine(given["name"], `${target}.name`);
  if (name === "" || name.length > 255) throw invalid(`${target}.name`, "must have 1 to 255 characters");
  const contentType = readLine(given["contentType"], `${target}.contentType`);
  if (!mediaType.test(contentType)) throw invalid(`${target}.contentType`, "is not a media type");
  const text = readText(given["contentInBase64"], `${target}.contentInBase64`);
  if (text.length % 4 !== 0 || !base64Form.test(text)) throw invalid(`${target}.contentInBase64`, "is not base64");
  const content = Buffer.from(text, "base64");
  if (given["contentId"] === undefined) return { name, contentType, content };
  const contentId = readText(given["contentId"], `${target}.contentId`);
  if (!contentIdForm.test(contentId)) throw invalid(`${target}.contentId`, "is not a content id");
  return { name, contentType, content, contentId };
}
