extension ProbeKernels {
  /// A cache line at a time, in eight words. Plain Swift has no instruction for byte products of its own.
  public static let portable = ProbeKernels(
    read: { bytes, byteCount in
      let words = bytes.assumingMemoryBound(to: SIMD8<UInt64>.self)
      var sums = SIMD8<UInt64>.zero
      for line in 0..<byteCount / 64 { sums &+= words[line] }
      return sums.wrappedSum()
    }, multiplyBytes: nil)
}
