import KingletErrors
import KingletTestSupport
import Testing

@testable import KingletTensors

/// The cache of keys and values: what is kept, dropped and given back.
@Suite("KV layer") struct KVLayerTests {
  private func makeLayer(window: Int?, type: KVElement = .f16) -> KVLayer {
    KVLayer(headCount: 2, headSize: 24, type: type, window: window)
  }

  /// Pages that are held, of the first ten.
  private func held(_ layer: KVLayer) -> [Int] { (0..<10).filter { layer.page($0, head: 1) != nil } }

  @Test("Pages come with the first position that falls into them")
  func growth() throws {
    let layer = makeLayer(window: nil)
    #expect(held(layer) == [])
    for (end, pages) in [(0, 0), (1, 1), (256, 1), (257, 2), (100, 2), (1024, 4)] {
      try layer.reserve(upTo: end)
      #expect(held(layer) == Array(0..<pages), "\(end)")
    }
    let (first, second) = (try #require(layer.page(0, head: 0)), try #require(layer.page(0, head: 1)))
    #expect(second - first == layer.layout.byteCount)
    layer.dropPages(before: 1024)
    #expect(held(layer) == [0, 1, 2, 3] && layer.firstPosition == 0, "without a window everything is kept")
  }

  @Test("A window drops pages that nobody will see, after 256 positions of slack, and uses them again")
  func window() throws {
    let layer = makeLayer(window: 100)
    try layer.reserve(upTo: 700)
    // A query at 610 sees 511 …, and may be taken back to 354, which sees 255 …
    layer.dropPages(before: 610)
    #expect(held(layer) == [0, 1, 2] && layer.firstPosition == 0)
    layer.dropPages(before: 611)
    #expect(held(layer) == [1, 2] && layer.firstPosition == 256)

    let addresses = [1, 2].map { layer.page($0, head: 0) }
    try layer.reserve(upTo: 1280)
    #expect(held(layer) == [1, 2, 3, 4] && [1, 2].map { layer.page($0, head: 0) } == addresses)
    layer.dropPages(before: 300)
    #expect(layer.firstPosition == 256, "what is gone stays gone")
    layer.dropPages(before: 1280)
    #expect(held(layer) == [3, 4] && layer.firstPosition == 768)
  }

  @Test("Dropping beyond what is held drops what is held, and no more")
  func dropTooMuch() throws {
    let layer = makeLayer(window: 10)
    layer.dropPages(before: 100_000)
    #expect(held(layer) == [])
    try layer.reserve(upTo: 300)
    layer.dropPages(before: 100_000)
    #expect(held(layer) == [])
    layer.dropPages(before: -5)
    layer.reset()
    try layer.reserve(upTo: 300)
    #expect(held(layer) == [0, 1] && layer.firstPosition == 0)
  }

  @Test("Truncation without a window always succeeds, and gives pages back")
  func truncation() throws {
    let layer = makeLayer(window: nil)
    try layer.reserve(upTo: 1000)
    for (count, pages) in [(1000, 4), (2000, 4), (769, 4), (768, 3), (257, 2), (1, 1), (0, 0), (-4, 0)] {
      let isKept = layer.truncate(to: count)
      #expect(isKept && held(layer) == Array(0..<pages), "\(count)")
    }
  }

  @Test("Truncation fails, and empties the layer, when a query there would miss what the window has dropped")
  func truncationOfWindow() throws {
    func filled() throws -> KVLayer {
      let layer = makeLayer(window: 100)
      try layer.reserve(upTo: 1000)
      layer.dropPages(before: 1000)  // 901 - 256 = 645, in page 2
      #expect(held(layer) == [2, 3] && layer.firstPosition == 512)
      return layer
    }
    // A query at 611 sees 512 …, one at 610 would see 511.
    for (count, succeeds) in [(1000, true), (769, true), (611, true), (610, false), (512, false), (0, false)] {
      let layer = try filled()
      let isKept = layer.truncate(to: count)
      #expect(isKept == succeeds)
      #expect(held(layer) == (succeeds ? (count > 768 ? [2, 3] : [2]) : []), "\(count)")
      #expect(layer.firstPosition == (succeeds ? 512 : 0))
    }
    // Near the start the window reaches back to position 0 only.
    let layer = makeLayer(window: 100)
    try layer.reserve(upTo: 300)
    layer.dropPages(before: 300)
    let isKept = layer.truncate(to: 0)
    #expect(isKept && held(layer) == [])
  }

  @Test("Byte counts are those of the pages that can be held at once", arguments: KVElement.allCases)
  func byteCount(type: KVElement) throws {
    // 2 heads, 256 positions; keys of 24 dimensions and values padded to 32. Q8_0: a group each, with its scale.
    let page = 2 * 256 * (type == .q8_0 ? 2 * (32 + 2) : (24 + 32) * (type == .f16 ? 2 : 4))
    let all = makeLayer(window: nil, type: type)
    for (positions, pages) in [(0, 0), (1, 1), (256, 1), (257, 2), (8192, 32)] {
      #expect(all.byteCount(positions: positions, chunk: 512) == pages * page)
    }
    for window in [1, 100, 255, 256, 257, 600] {
      for chunk in [1, 7, 256, 512] {
        let layer = makeLayer(window: window, type: type)
        var most = 0
        for start in stride(from: 0, to: 4000, by: chunk) {
          try layer.reserve(upTo: start + chunk)
          most = max(most, (0..<20).count { layer.page($0, head: 0) != nil })
          layer.dropPages(before: start + chunk)
        }
        let promised = layer.byteCount(positions: 4000, chunk: chunk)
        #expect(most * page <= promised && promised <= (most + 2) * page, "window \(window), chunk \(chunk)")
        #expect(layer.byteCount(positions: 100, chunk: chunk) == page)
      }
    }
    // More than a number can say.
    #expect(all.byteCount(positions: .max, chunk: 512) == .max)
    #expect(makeLayer(window: .max, type: type).byteCount(positions: .max, chunk: 512) == .max)
    #expect(makeLayer(window: .max - 300, type: type).byteCount(positions: .max, chunk: .max) == .max)
    #expect(makeLayer(window: 256, type: type).byteCount(positions: .max, chunk: 256) == 4 * page)
  }

  @Test("Layers that share a store share its memory, and no page of theirs overlaps another")
  func store() throws {
    let store = KVPageStore()
    let layers = (0..<3).map { _ in KVLayer(headCount: 2, headSize: 24, type: .f16, window: nil, store: store) }
    var places: [Range<Int>] = []
    for end in [256, 512, 300, 1024] {
      for layer in layers { try layer.reserve(upTo: end) }
    }
    for layer in layers {
      for index in 0..<4 {
        let page = try #require(layer.page(index, head: 0))
        let first = Int(bitPattern: page)
        places.append(first..<first + 2 * layer.layout.byteCount)
      }
    }
    places.sort { $0.lowerBound < $1.lowerBound }
    #expect(zip(places, places.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
    #expect(places.allSatisfy { $0.lowerBound % 64 == 0 })
    #expect((places.last?.upperBound ?? 0) - (places.first?.lowerBound ?? 0) <= 12 * (places[0].count + 63), "one slab")

    let before = layers[1].page(0, head: 0)
    _ = layers[1].truncate(to: 0)
    try layers[1].reserve(upTo: 1024)
    let again = (0..<4).map { layers[1].page($0, head: 0) }
    #expect(again.contains(before) && Set(again).count == 4, "what was given back is used anew")
  }

  @Test("A store of pages larger than a slab, and of one that no memory holds")
  func extremes() throws {
    let store = KVPageStore()
    let (small, large) = (try store.take(100), try store.take(40 << 20))
    large.storeBytes(of: 1, toByteOffset: (40 << 20) - 1, as: UInt8.self)
    small.storeBytes(of: 2, toByteOffset: 99, as: UInt8.self)
    #expect(throws: KingletError.self) { try store.take(.max) }
    #expect(throws: KingletError.self) { try store.take(.max - 4096) }
    _ = try store.take(1)
  }
}
