/// A step of the chain: takes candidates out of the running, never the best one.
protocol SamplingStep: Sendable {
  func apply(to candidates: inout Candidates)
}

/// Keeps the fewest best candidates whose probabilities sum to at least `mass` of the whole.
///
/// Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020 (nucleus sampling).
struct TopP: SamplingStep {
  let mass: Float

  func apply(to candidates: inout Candidates) {
    let wanted = candidates.weights().sum * Double(mass)
    // The nucleus is small as a rule: ask for a few of the best, and for more only if they do not hold the mass.
    var size = 64
    while true {
      var nucleus = candidates
      if !nucleus.isSorted { nucleus.keepBest(size) }
      var sum = 0.0
      let last = nucleus.weights().of.firstIndex { weight in
        sum += Double(weight)
        return sum >= wanted
      }
      if let last { nucleus.keepBest(last + 1) }
      if last != nil || nucleus.items.count == candidates.items.count {
        candidates = nucleus
        return
      }
      size *= 8
    }
  }
}

/// Keeps the candidates at least `share` times as probable as the best.
///
/// Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", 2024.
struct MinP: SamplingStep {
  let share: Float

  func apply(to candidates: inout Candidates) {
    let weights = candidates.weights().of
    candidates.keep { weights[$0] >= share }
  }
}

/// Draws one candidate, the logits divided by a temperature.
struct TemperatureDraw: Sendable {
  let temperature: Float

  func draw(from candidates: Candidates, with random: inout SplitMix64) -> Int32 {
    let weights = candidates.weights(temperature: temperature)
    // Rounding can leave a last bit of the threshold unspent: the last possible candidate takes it.
    var threshold = random.nextUnit() * weights.sum
    var chosen: Int32 = 0
    for (candidate, weight) in zip(candidates.items, weights.of) where weight > 0 {
      chosen = candidate.id
      threshold -= Double(weight)
      if threshold < 0 { break }
    }
    return chosen
  }
}

/// Makes tokens seen lately less likely, each once however often it was seen.
///
/// Keskar et al., "CTRL", 2019, in the form that also works for negative logits: divide what is above zero, multiply
/// what is below.
struct RepetitionPenalty: Sendable {
  let penalty: Float
  let window: Int

  /// Changes `row` and returns what stood there before, for the caller to put back.
  func apply(to row: inout [Float], after history: [Int32]) -> [(index: Int, logit: Float)] {
    var replaced: [(index: Int, logit: Float)] = []
    for id in Set(history.suffix(window)) where row.indices.contains(Int(id)) {
      let logit = row[Int(id)]
      replaced.append((Int(id), logit))
      row[Int(id)] = logit > 0 ? logit / penalty : logit * penalty
    }
    return replaced
  }
}
