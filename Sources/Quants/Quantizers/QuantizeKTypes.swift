// What the quantisers of the K types share. Each finds a scale (and minimum) for every group of a block, rounds these to a
// few bits with a scale of their own, and quantises the values anew by what the rounded ones stand for.

/// How the groups of a type are searched: for q in 0 ... top, with the tries of `searchScaleAndMinimum`.
struct GroupSearch {
  let top: Float
  let from: Float
  let step: Float
  let steps: Int
  var absolute = false
}

/// Scale and minimum of a block, and those of its groups in units of them.
struct BlockScales {
  let scale: Half
  let minimumScale: Half
}

extension QuantizerMemory {
  /// Loads eight groups of a block from `first` on.
  @inline(__always)
  func loadGroups(_ block: UnsafePointer<Float>, first: Int, count: Int) {
    groups.load(block + first * count, count: count, into: groups.values)
  }

  /// Searches eight groups from `first` on, weighted, and keeps what was found.
  @inline(__always)
  func search(_ search: GroupSearch, first: Int, count: Int) {
    let found = groups.searchScaleAndMinimum(
      top: search.top, from: search.from, step: search.step, steps: search.steps, absolute: search.absolute,
      count: count)
    groups.storeQuants(count: count, to: quants + first * count)
    store(found.scale, to: scales + first)
    store(found.minimum, to: minimums + first)
  }

  /// Importance, times the magnitude of values that stand out from the variance, as weights; keeps their sums.
  @inline(__always)
  func weigh(_ importance: UnsafePointer<Float>, variance: Float, first: Int, count: Int) {
    groups.load(importance + first * count, count: count, into: groups.weights)
    groups.weigh(variance: Lanes(repeating: variance), count: count)
    store(groups.weightSum(count: count), to: weightSums + first)
  }

  @inline(__always)
  func store(_ lanes: Lanes, to floats: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(floats).storeBytes(of: lanes, as: Lanes.self)
  }

  /// Rounds the scales and minimums of `count` groups to 0 ... top, in place, by the largest of each.
  @inline(__always)
  func roundScales(top: Float, count: Int) -> BlockScales {
    BlockScales(
      scale: Half(roundToLargest(scales, top: top, count: count)),
      minimumScale: Half(roundToLargest(minimums, top: top, count: count)))
  }

  @inline(__always)
  private func roundToLargest(_ numbers: UnsafeMutablePointer<Float>, top: Float, count: Int) -> Float {
    var largest: Float = 0
    for i in 0..<count { largest = numbers[i] > largest ? numbers[i] : largest }
    let inverse = largest > 0 ? top / largest : 0
    for i in stride(from: 0, to: count, by: 8) {
      store((UnsafePointer(numbers).lanes(at: i) * inverse).nearest(0, top), to: numbers + i)
    }
    return largest / top
  }

  /// The same with the least error that the weights of the groups make of it.
  @inline(__always)
  func roundScalesWeighted(top: Float, count: Int) -> BlockScales {
    // Both are searched at once: lane 0 has the scales, lane 1 the minimums.
    for i in 0..<count {
      groups.values[i] = Lanes(scales[i], minimums[i], 0, 0, 0, 0, 0, 0)
      groups.weights[i] = Lanes(repeating: weightSums[i])
    }
    let found = groups.searchPositiveScale(top: top, count: count)
    for i in 0..<count {
      scales[i] = groups.quants[i][0]
      minimums[i] = groups.quants[i][1]
    }
    return BlockScales(scale: Half(found[0]), minimumScale: Half(found[1]))
  }

  /// Quantises the values of a group anew to 0 ... top: value = scale * q - minimum. Without a scale, q stays as it is.
  @inline(__always)
  func requantize(
    _ block: UnsafePointer<Float>, group: Int, count: Int, scale: Float, minimum: Float, _ low: Float, _ high: Float,
    zero: Float = 0
  ) {
    guard scale != 0 else { return }
    for i in stride(from: group * count, to: (group + 1) * count, by: 8) {
      let quants = ((block.lanes(at: i) + minimum) / scale).nearest(low, high)
      (quants + zero).storeBytes(to: self.quants + i)
    }
  }
}
