/// A vector of float parameters: norm weights, biases.
///
/// `@unchecked Sendable`: written while it is made, and only read afterwards.
public final class FloatVector: @unchecked Sendable {
  public let count: Int
  let base: UnsafePointer<Float>

  public init(_ values: [Float]) {
    count = values.count
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, count))
    memory.initialize(from: values, count: count)
    base = UnsafePointer(memory)
  }

  deinit { base.deallocate() }

  public var values: [Float] { [Float](UnsafeBufferPointer(start: base, count: count)) }
}
