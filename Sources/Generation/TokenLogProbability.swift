#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How probable the model held a token, and which ones it held most probable in its place.
///
/// Natural logarithms of the softmax over the raw logits: no penalty, no truncation, no temperature.
public struct TokenLogProbability: Sendable, Equatable, Codable {
  /// A token beside the one chosen (which is listed too, if it is among the best).
  public struct Alternative: Sendable, Equatable, Codable {
    public let token: Int32
    public let logProbability: Float
  }

  public let token: Int32
  public let logProbability: Float
  /// The best tokens, best first.
  public let best: [Alternative]

  /// - Parameter row: logits `[vocabulary]`, finite.
  init(of token: Int32, in row: [Float], best count: Int) {
    let top = highest(row)
    var weights = row
    let logSum = top + Float(log(max(exponentiate(&weights, below: top), .leastNormalMagnitude)))
    self.token = token
    logProbability = row.indices.contains(Int(token)) ? row[Int(token)] - logSum : -.infinity
    best =
      count == 0
      ? []
      : Candidates(best: count, of: row).items.map {
        Alternative(token: $0.id, logProbability: $0.logit - logSum)
      }
  }
}
