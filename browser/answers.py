"""Compares the answers of a page with those of the command, for the same pictures and the network that the page saved.

    python3 answers.py COMMAND FOLDER       FOLDER holds photos.defrost and answers.json
"""
import json
import subprocess
import sys

command, folder = sys.argv[1:]
answers = json.load(open(f"{folder}/answers.json"))
names = list(answers)
photos = [f"../samples/clothing/{name if name.endswith('.jpg') else name + '.jpg'}" for name in names]
told = subprocess.run([command, "predict", f"{folder}/photos.defrost", *photos, "--json"], check=True, capture_output=True, text=True)
found = json.loads(told.stdout)
print(json.dumps(found)[:400])
