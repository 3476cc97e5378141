import Foundation
import KingletKernels
import KingletTestSupport
import Testing

/// A table's set and a layout of pages.
struct PageCase: Sendable, CustomTestStringConvertible {
  let set: InstructionSet
  let layout: KVPageLayout
  var testDescription: String { "\(set), head size \(layout.headSize), \(layout.type)" }

  static let all: [PageCase] = InstructionSet.tested.flatMap { set in
    [16, 24, 40, 64, 80, 96, 128, 256].flatMap { headSize in
      KVElement.allCases.map { PageCase(set: set, layout: KVPageLayout(headSize: headSize, type: $0)) }
    }
  }
}

/// The kernels of attention, of every table, against softmax in double precision.
@Suite("Attention kernels") struct AttentionKernelTests {
  @Test("Keys and values go where the layout says, to the same bytes in all tables", arguments: PageCase.all)
  func appending(_ pageCase: PageCase) throws {
    let layout = pageCase.layout
    let page = Page(layout, of: try pageCase.set.table(), seed: 31, slots: [0, 1, 15, 16, 17, 100, 255])
    #expect(page.memory.values == Page(layout, of: .portable, seed: 31, slots: page.slots).memory.values)
    #expect(page.memory.isIntact)
    // Element by element, and nothing anywhere else.
    let (keys, values) = (page.storedKeys, page.storedValues)
    for slot in 0..<256 {
      let isThere = page.slots.contains(slot)
      let (key, value) = isThere ? (page.key(slot), page.value(slot)) : ([], [])
      #expect(keys[slot] == key + Array(repeating: 0, count: keys[slot].count - key.count), "key \(slot)")
      #expect(values[slot] == value + Array(repeating: 0, count: values[slot].count - value.count), "value \(slot)")
    }
  }

  @Test(
    "Overflowing values are stored as the largest half: infinities would make NaN of what is masked",
    arguments: InstructionSet.tested, [KVElement.f16, .q8_0])
  func overflow(set: InstructionSet, type: KVElement) throws {
    let table = try set.table()
    let layout = KVPageLayout(headSize: 24, type: type)
    let page = Page(layout, of: table, seed: 0, slots: [])
    for (slot, size) in [(3, 1e8), (4, -1e8), (5, Float.infinity), (6, 65_519 * 127)] as [(Int, Float)] {
      page.append(Array(repeating: size, count: 24), Array(repeating: size, count: 24), at: slot, table)
    }
    let largest: Float = type == .q8_0 ? 127 * 65_504 : 65_504
    for stored in [page.storedKeys, page.storedValues] {
      #expect(stored.joined().max() == largest && stored.joined().min() == -largest)
    }

    // Both queries at once, of which the first must not see what the second does.
    page.append(Array(repeating: 1, count: 24), Array(repeating: 1, count: 24), at: 2, table)
    let results = page.attend(Array(repeating: 0.1, count: 48), [2..<3, 2..<7], table)
    #expect(results[0].output.prefix(24).allSatisfy { abs($0 - 1) < 1e-3 })
    #expect(results[1].output.allSatisfy { $0.isFinite })

    page.append(Array(repeating: .nan, count: 24), Array(repeating: .nan, count: 24), at: 9, table)
    for stored in [page.storedKeys, page.storedValues] {
      #expect(stored[9].prefix(24).allSatisfy { $0.isNaN }, "what is not a number is not hidden")
      #expect(!stored.enumerated().contains { $0 != 9 && $1.contains(where: \.isNaN) })
    }
    #expect(page.attend(Array(repeating: 0.1, count: 24), [2..<10], table)[0].output.prefix(24).allSatisfy { $0.isNaN })
  }

  @Test("Maximum, sum and output of 1 to 9 queries over one page", arguments: PageCase.all)
  func onePage(_ pageCase: PageCase) throws {
    let table = try pageCase.set.table()
    let page = Page(pageCase.layout, of: table, seed: 32)
    var random = SeededRandom(33)
    // Ordinary scores, all equal ones, and some so far apart that most weights vanish.
    for deviation in [1, 0, 30] as [Float] {
      for count in 1...9 {
        let queries = random.floats(count * page.layout.headSize, deviation: deviation / 8)
        let seen = (0..<count).map { _ in Range<Int>.random(using: &random) }
        let results = page.attend(queries, seen, table)
        for i in 0..<count {
          let query = queries[i * page.layout.headSize..<(i + 1) * page.layout.headSize]
          let expected = Softmax(query: query, pages: [page], seen: [seen[i]])
          let problem = results[i].problem(expected, page.layout)
          #expect(problem == nil, "query \(i) of \(count), deviation \(deviation), slots \(seen[i])")
        }
      }
    }
  }

  @Test("Linear biases take off what distance costs, also for queries of other pages", arguments: PageCase.all)
  func linearBias(_ pageCase: PageCase) throws {
    let table = try pageCase.set.table()
    let page = Page(pageCase.layout, of: table, seed: 42)
    let headSize = page.layout.headSize
    var random = SeededRandom(43)
    for count in [1, 2, 3, 4, 5, 8, 9, 17] {
      let queries = random.floats(count * headSize, deviation: 0.1)
      let seen = (0..<count).map { _ in Range<Int>.random(using: &random) }
      let biases = (0..<count).map { (slope: Float(0.5) / Float($0 + 1), slot: [0, 255, 17, -300, 400][$0 % 5]) }
      let results = page.attend(queries, seen, biases: biases, table)
      for i in 0..<count {
        let query = queries[i * headSize..<(i + 1) * headSize]
        let expected = Softmax(query: query, pages: [page], seen: [seen[i]]) { slot in
          -Double(biases[i].slope) * Double(abs(slot - biases[i].slot))
        }
        let problem = results[i].problem(expected, page.layout)
        #expect(problem == nil, "query \(i) of \(count), slots \(seen[i])")
      }
    }
  }

  @Test("A query's result is the same bits in any company", arguments: PageCase.all)
  func invariance(_ pageCase: PageCase) throws {
    let table = try pageCase.set.table()
    let page = Page(pageCase.layout, of: table, seed: 34)
    let headSize = page.layout.headSize
    var random = SeededRandom(35)
    let queries = random.floats(19 * headSize, deviation: 0.3)
    let seen = [0..<0, 0..<256, 255..<256, 7..<9, 256..<256] + (0..<14).map { _ in Range<Int>.random(using: &random) }
    let alone = (0..<19).map { page.attend(Array(queries[$0 * headSize..<($0 + 1) * headSize]), [seen[$0]], table)[0] }
    for count in 2...19 {
      for first in stride(from: 0, to: 19 - count + 1, by: 3) {
        let group = page.attend(
          Array(queries[first * headSize..<(first + count) * headSize]), Array(seen[first..<first + count]), table)
        #expect(zip(group, alone[first...]).allSatisfy { $0 == $1 }, "\(count) queries from \(first)")
      }
    }
  }

  @Test("A page of which nothing is seen gives zeros, and merging it changes no bit", arguments: PageCase.all)
  func maskedPage(_ pageCase: PageCase) throws {
    let table = try pageCase.set.table()
    let page = Page(pageCase.layout, of: table, seed: 36)
    var random = SeededRandom(37)
    let queries = random.floats(5 * page.layout.headSize)
    let stride = page.layout.valueStride
    for masked in [0..<0, 256..<256, 17..<17] {
      let nothing = page.attend(queries, Array(repeating: masked, count: 5), table)
      #expect(nothing.allSatisfy { $0.sum == 0 && $0.maximum == -.infinity && $0.output.allSatisfy { $0 == 0 } })

      let something = page.attend(queries, Array(repeating: 3..<90, count: 5), table)
      for (result, empty) in zip(something, nothing) {
        let (running, partial) = (Fenced(result.all), Fenced(empty.all))
        table.mergePages(running.pointer, partial.pointer, stride)
        #expect(running.values == result.all, "something, then nothing")
        let (none, some) = (Fenced(empty.all), Fenced(result.all))
        table.mergePages(none.pointer, some.pointer, stride)
        #expect(none.values == result.all, "nothing, then something")
        table.mergePages(partial.pointer, partial.pointer, stride)
        #expect(partial.values == empty.all, "nothing, then nothing")
      }
    }
  }

  @Test("Several pages merge to the softmax over all of them", arguments: PageCase.all)
  func merging(_ pageCase: PageCase) throws {
    let table = try pageCase.set.table()
    let pages = (0..<4).map { Page(pageCase.layout, of: table, seed: UInt64(40 + $0)) }
    let headSize = pageCase.layout.headSize
    var random = SeededRandom(38)
    for deviation in [0.2, 4] as [Float] {
      let query = random.floats(headSize, deviation: deviation)
      let seen = [200..<256, 0..<256, 10..<10, 0..<33]
      let parts = zip(pages, seen).map { $0.attend(query, [$1], table)[0] }
      let running = Fenced(parts[0].all)
      for part in parts.dropFirst() {
        let partial = Fenced(part.all)
        table.mergePages(running.pointer, partial.pointer, pageCase.layout.valueStride)
      }
      let merged = PageResult(running.values, pageCase.layout)
      let expected = Softmax(query: query[...], pages: pages, seen: seen)
      #expect(merged.problem(expected, pageCase.layout) == nil)

      let out = Fenced(repeating: Float.nan, count: headSize)
      table.finishAttention(running.pointer, pageCase.layout.valueStride, headSize, out.pointer)
      #expect(out.values == merged.output.prefix(headSize).map { $0 / merged.sum } && out.isIntact)
    }
  }
}

extension Range<Int> {
  /// Slots of a page; now and then none.
  fileprivate static func random(using random: inout SeededRandom) -> Range<Int> {
    let lower = Int.random(in: 0..<256, using: &random)
    return lower..<Int.random(in: lower...256, using: &random)
  }
}
