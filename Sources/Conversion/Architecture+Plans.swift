import KingletErrors
import KingletFiles
import KingletSafetensors

extension Architecture {
  /// What becomes of each tensor in `folder`, in the order in which a model uses them.
  ///
  /// - Throws: `.unsupported` for a tensor that no rule knows; `.fileCorrupt` when one is missing, or of a layer that the
  ///   configuration does not have.
  func plans(for folder: SafetensorsFolder, layerCount: Int) throws(KingletError) -> [TensorPlan] {
    var rest: [String: SafetensorsTensor] = [:]
    for tensor in folder.tensors {
      let name = shortened(tensor.name)
      guard rest.updateValue(tensor, forKey: name) == nil else {
        throw KingletError(.fileCorrupt, "there are two tensors called \(quoted(name))", at: folder.path)
      }
    }
    var plans: [TensorPlan] = []
    func take(_ rule: TensorRule, _ layer: Int?) throws(KingletError) {
      for (leaf, presence) in [("weight", rule.weight), ("bias", rule.bias)] where presence != .absent {
        let name = numbered(rule.source, layer) + "." + leaf
        guard let tensor = rest.removeValue(forKey: name) else {
          if presence == .optional { continue }
          throw KingletError(
            .fileCorrupt, "the tensor \(quoted(name)) is missing", at: folder.path,
            remedy: "Does config.json belong to these weights?")
        }
        // A tensor without a target is known, and of no use.
        guard !rule.target.isEmpty else { continue }
        let change = try TensorPlan(tensor, name: numbered(rule.target, layer) + "." + leaf, change: rule.change)
        plans.append(change)
      }
    }
    for rule in tensors where !rule.isOfLayer { try take(rule, nil) }
    for layer in 0..<layerCount {
      for rule in tensors where rule.isOfLayer { try take(rule, layer) }
    }
    // Sorted, so that the same folder always names the same one.
    if let name = rest.keys.sorted().first(where: { !isIgnored($0) }) {
      throw KingletError(
        .unsupported, "the tensor \(quoted(name)) has no place in a \(self.name) model of \(layerCount) layers",
        at: folder.path)
    }
    return plans
  }

  private func shortened(_ name: String) -> String {
    for prefix in prefixes where name.hasPrefix(prefix) { return String(name.dropFirst(prefix.count)) }
    return name
  }

  private func numbered(_ pattern: String, _ layer: Int?) -> String {
    guard let layer else { return pattern }
    return pattern.split(separator: "*", omittingEmptySubsequences: false).joined(separator: String(layer))
  }

  private func isIgnored(_ name: String) -> Bool {
    let general = name.split(separator: ".").map { $0.allSatisfy(\.isWholeNumber) ? "*" : $0 }.joined(separator: ".")
    return ignored.contains { general.hasPrefix($0) }
  }
}
