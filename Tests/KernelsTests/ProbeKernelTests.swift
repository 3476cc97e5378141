import KingletKernels
import KingletTestSupport
import Testing

@Suite struct ProbeKernelTests {
  /// A rate of reading counts only if every byte is read: each one changes the result.
  @Test(arguments: InstructionSet.tested)
  func everyLineIsRead(_ set: InstructionSet) throws {
    let probes = try set.table().probes
    for lines in [1, 3, 4, 7, 16, 33] {
      let byteCount = lines * 64
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      defer { bytes.deallocate() }
      bytes.initializeMemory(as: UInt8.self, repeating: 5, count: byteCount)
      let all = probes.read(bytes, byteCount)
      for offset in stride(from: 7, to: byteCount, by: 8) {
        bytes.storeBytes(of: 6, toByteOffset: offset, as: UInt8.self)
        #expect(probes.read(bytes, byteCount) != all, "\(lines) lines, byte \(offset)")
        bytes.storeBytes(of: 5, toByteOffset: offset, as: UInt8.self)
      }
    }
  }

  /// The sums say how many products there were.
  @Test(arguments: InstructionSet.tested)
  func everyProductIsCounted(_ set: InstructionSet) throws {
    guard let products = try set.table().probes.multiplyBytes else { return }
    let (one, many) = (products.run(1), products.run(1000))
    #expect(one != 0 && products.run(0) == 0)
    #expect(Int64(bitPattern: many) == 1000 * Int64(bitPattern: one))
  }
}
