import KingletKernels

/// Norm and rotation of queries and keys: of a shape's parameters the numbers and addresses, so that tasks count no
/// references.
struct Rotation {
  private let queryNorm: NormTask?
  private let keyNorm: NormTask?
  private let headSize: Int
  private let rotated: Int
  private let pairing: RotaryPairing
  private let cosines: UnsafePointer<Float>
  private let sines: UnsafePointer<Float>

  /// - Parameter shape: outlives this.
  init(
    _ shape: AttentionShape, _ rotated: Int, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>
  ) {
    queryNorm = shape.queryNorm.map(NormTask.init)
    keyNorm = shape.keyNorm.map(NormTask.init)
    headSize = shape.headSize
    pairing = shape.pairing
    self.rotated = rotated
    self.cosines = cosines
    self.sines = sines
  }

  func rotateQueries(_ x: UnsafeMutablePointer<Float>, _ heads: Int, at position: Int, _ table: KernelTable) {
    rotate(x, heads, queryNorm, position, table)
  }

  func rotateKeys(_ x: UnsafeMutablePointer<Float>, _ heads: Int, at position: Int, _ table: KernelTable) {
    rotate(x, heads, keyNorm, position, table)
  }

  private func rotate(
    _ x: UnsafeMutablePointer<Float>, _ heads: Int, _ norm: NormTask?, _ position: Int, _ table: KernelTable
  ) {
    if let norm {
      for head in 0..<heads {
        norm.apply(x + head * headSize, headSize, to: x + head * headSize, table)
      }
    }
    let angles = position * (rotated / 2)
    table.rotate(x, heads, headSize, rotated, cosines + angles, sines + angles, pairing)
  }
}
