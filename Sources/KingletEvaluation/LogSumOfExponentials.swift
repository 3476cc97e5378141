#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `ln(sum of e^x)` over a row of logits, in double precision, without overflow.
func logSumOfExponentials(_ row: borrowing [Float]) -> Double {
  var maximum = -Float.infinity
  for index in 0..<row.count { maximum = max(maximum, row[index]) }
  var sum = 0.0
  // Terms in single precision, their sum in double: a vocabulary of 262,144 terms keeps its seven digits.
  for index in 0..<row.count { sum += Double(expf(row[index] - maximum)) }
  return log(sum) + Double(maximum)
}
