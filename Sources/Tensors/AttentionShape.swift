import KingletKernels

/// How queries and keys are treated before they meet.
public struct AttentionShape: Sendable {
  public let headCount: Int
  public let keyHeadCount: Int
  public let headSize: Int
  public let pairing: RotaryPairing
  /// What scores are multiplied by: usually 1 / sqrt(headSize).
  public let scale: Float
  public let queryNorm: Norm?
  public let keyNorm: Norm?

  public init(
    headCount: Int, keyHeadCount: Int, headSize: Int, pairing: RotaryPairing, scale: Float, queryNorm: Norm?,
    keyNorm: Norm?
  ) {
    self.headCount = headCount
    self.keyHeadCount = keyHeadCount
    self.headSize = headSize
    self.pairing = pairing
    self.scale = scale
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
  }

  /// Query heads that share a key head.
  var groupSize: Int { headCount / keyHeadCount }
}
