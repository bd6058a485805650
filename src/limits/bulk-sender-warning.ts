/** A From domain comes near to being a bulk sender at a consumer provider, or has become one, and is not known to be ready for it. */
export interface BulkSenderWarning {
  readonly domain: string;
  /** `Gmail` */
  readonly provider: string;
  /** Recipients there in the last 24 hours. */
  readonly used: number;
  /** So many make a bulk sender, for good. */
  readonly amount: number;
  /** It is one now. */
  readonly reached: boolean;
  /** Half sentences: what the domain lacks of SPF, DKIM and DMARC, and what could not be told. */
  readonly missing: readonly string[];
  readonly unchecked: readonly string[];
}
