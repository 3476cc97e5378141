/// A vector of float parameters: norm weights, biases.
public struct FloatVector: Sendable {
  public let values: [Float]
  public init(_ values: [Float]) { self.values = values }
  public var count: Int { values.count }

  func withPointer<R>(_ body: (UnsafePointer<Float>) -> R) -> R {
    values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return withUnsafePointer(to: 0) { body($0) } }
      return body(base)
    }
  }
}
