/// Kernels that compute nothing of use: they find out what a core can do at most.
///
/// Their results only keep the compiler from leaving the work out.
public struct ProbeKernels: Sendable {
  /// Reads `byteCount` bytes (whole cache lines, aligned to them) front to back, as wide as the instruction set loads.
  public let read: @Sendable (_ bytes: UnsafeRawPointer, _ byteCount: Int) -> UInt64
  /// Products of 8-bit integers, summed in registers; nil where the instruction set has no instruction for it.
  public let multiplyBytes: ByteProducts?

  /// The fastest byte products that there are: nothing is loaded, and no sum waits for another.
  public struct ByteProducts: Sendable {
    /// Multiplications and additions in one round.
    public let operationsPerRound: Int
    public let run: @Sendable (_ rounds: Int) -> UInt64

    public init(operationsPerRound: Int, run: @escaping @Sendable (Int) -> UInt64) {
      self.operationsPerRound = operationsPerRound
      self.run = run
    }
  }

  public init(read: @escaping @Sendable (UnsafeRawPointer, Int) -> UInt64, multiplyBytes: ByteProducts?) {
    self.read = read
    self.multiplyBytes = multiplyBytes
  }
}
