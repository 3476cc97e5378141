import Testing

@testable import KingletQuants

@Suite("Code books") struct CodeBookTests {
  @Test("Every book has as many vectors as its codes have values, in ascending order, of its own levels")
  func members() {
    let two: [Int8] = [8, 25, 43]
    for (book, count, levels, dimension) in [
      (CodeBook.iq1, 2048, [-1, 0, 1], 8), (.iq2_XXS, 256, two, 8), (.iq2_XS, 512, two, 8), (.iq2_S, 1024, two, 8),
      (.iq3_XXS, 256, [4, 12, 20, 28, 36, 44, 52, 62], 4), (.iq3_S, 512, [1, 3, 5, 7, 9, 11, 13, 15], 4),
    ] as [(CodeBook, Int, [Int8], Int)] {
      #expect(book.count == count)
      var last = -1
      for code in 0..<book.count {
        let vector = book[code]
        var number = 0
        for i in (0..<dimension).reversed() {
          number = number * levels.count + (levels.firstIndex(of: vector[i]) ?? 1_000_000)
        }
        #expect(number > last && number < 6561)
        #expect((dimension..<8).allSatisfy { vector[$0] == 0 })
        last = number
      }
    }
  }

  @Test("Patterns of signs have an even number of minus signs, and all differ")
  func signs() {
    let all = (0..<128).map { evenSigns($0) }
    #expect(all.allSatisfy { $0.nonzeroBitCount % 2 == 0 })
    #expect(Set(all).count == 128)
    #expect(all.enumerated().allSatisfy { $1 & 127 == $0 })
    #expect(evenSigns(UInt32(0xFFFF_FF80)) == 0)
  }

  @Test("Signs change the elements they name")
  func negation() {
    let vector = SIMD8<Int8>(1, 2, 3, 4, 5, 6, 7, 8)
    #expect(vector.negated(where: 0) == vector)
    #expect(vector.negated(where: 0b1000_0101) == SIMD8(-1, 2, -3, 4, 5, 6, 7, -8))
  }
}
