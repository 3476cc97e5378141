import KingletGeneration

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `ln(sum of e^x)` over a row of logits, without overflow: terms in single precision, their sum in double, so that a
/// vocabulary of 262,144 terms keeps its seven digits. NaN where a logit is NaN or +infinity.
func logSumOfExponentials(_ row: borrowing [Float]) -> Double {
  var terms = copy row
  // Counted without a branch, so that the loop is vectorised.
  var overflown: UInt32 = 0
  for value in terms { overflown |= value <= .greatestFiniteMagnitude ? 0 : 1 }
  if overflown != 0 { return .nan }
  let top = highest(terms)
  return Double(top) + log(exponentiate(&terms, below: top))
}
