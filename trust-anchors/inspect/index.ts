/** What certificates and CRLs say, in words. */
export {
  type Described,
  type DescribedCertificate,
  type DescribedCrl,
  describeFile,
} from './inspect.ts'
